"""A worker with redis-py: leases, heartbeats, retries, and a graceful stop.

usage: worker.py HOST PORT QUEUE

A job is the text `work MS` (it takes so many milliseconds) or `fail`. Put your own into `do`.
"""

import signal
import sys
import threading
import time

import redis

LEASE_MS = 3000

stop = threading.Event()


def do(job):
    match job.split():
        case ["work", ms]:
            time.sleep(int(ms) / 1000)
        case _:
            raise ValueError(f"do not know how to {job}")


class Heartbeat:
    """Keeps the lease of a message while its job runs: a sign of life every third of the lease."""

    def __init__(self, client, queue, receipt):
        self.over = threading.Event()
        self.lost = False

        def beat():
            while not self.over.wait(LEASE_MS / 3000):
                if client.execute_command("QTOUCH", queue, LEASE_MS, receipt) == 0:
                    # Somebody else has the message by now.
                    self.lost = True
                    return

        self.thread = threading.Thread(target=beat, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def main(host, port, queue):
    # An orchestrator sends SIGTERM: the job at hand is finished, no other is taken.
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: stop.set())
    client = redis.Redis(host=host, port=int(port), decode_responses=True)
    while not stop.is_set():
        popped = client.execute_command("QPOP", queue, "LEASE", LEASE_MS, "BLOCK", 500)
        if not popped:
            continue
        [[receipt, job]] = popped
        try:
            with Heartbeat(client, queue, receipt) as heart:
                do(job)
        except Exception as error:
            # Back into the queue; later from one failure to the next, and at last to the dead set.
            client.execute_command("QNACK", queue, receipt, "REASON", str(error))
        else:
            if not heart.lost:
                client.execute_command("QACK", queue, receipt)


if __name__ == "__main__":
    main(*sys.argv[1:])
