"""Runs the example workers against a server, and checks what they leave behind.

usage: run.py HOST PORT NAME COMMAND [ARG ...]
"""

import subprocess
import sys
import time

import redis

failed = passed = 0


def check(what, good):
    global failed, passed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'FAIL'}  {name}: {what}", flush=True)


def until(what, condition):
    end = time.monotonic() + 120
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    check(what, condition())


host, port, name, *command = sys.argv[1:]
client = redis.Redis(host=host, port=int(port), decode_responses=True)
say = client.execute_command
queue = f"jobs:{name}"


def info():
    def pairs(flat):
        return dict(zip(flat[::2], flat[1::2]))

    told = pairs(say("QINFO", queue))
    return told | {"totals": pairs(told["totals"])}


say("QSET", queue, "MAXATTEMPTS", 2, "BACKOFF", 50, 50)
worker = subprocess.Popen([*command, host, port, queue])
for n in range(20):
    say("QPUSH", queue, "work 5")
say("QPUSH", queue, "work 6500")  # longer than two leases
say("QPUSH", queue, "fail")
until("every job is done or dead", lambda: say("QLEN", queue) == 0)
totals = info()["totals"]
check("each job is acknowledged once", totals["acked"] == 21 and totals["popped"] == 23)
check("heartbeats keep the lease of a long one", totals["lease-expired"] == 0)
[dead] = say("QPEEK", queue, "DEAD")
dead = dict(zip(dead[::2], dead[1::2]))
check("what fails again and again is dead, with its reason", dead["attempts"] == 2 and "fail" in dead["reason"])
say("QREDRIVE", queue)
until("a redriven one is tried again", lambda: say("QLEN", queue, "DEAD") == 1 and say("QLEN", queue) == 0)

say("QPUSH", queue, "work 1500")
until("the worker has a job", lambda: say("QLEN", queue, "INFLIGHT") == 1)
worker.terminate()
check("it stops by itself when asked to", worker.wait(60) == 0)
check("and has finished its job before", say("QLEN", queue) == 0 and info()["totals"]["acked"] == 22)
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
