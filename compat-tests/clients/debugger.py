#!/usr/bin/env python3
"""Holds debugging sessions by redis-cli, with and without --ldb-sync-mode, and compares what it shows with Debian's redis-server.

usage: debugger.py SERVER_PROGRAM
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from servers import Server, judge

SCRIPT = """local t = {n = 1, 'a'}
local function twice(n)
  return 2 * n
end
redis.call('set', KEYS[1], twice(ARGV[1]))
redis.debug('set', t)
redis.pcall('lpush', KEYS[1], 1)
return redis.call('get', KEYS[1])
"""
SESSIONS = [
    "s\ns\np\ns\nt\nb 7\nc\np t\ne return KEYS\nr strlen k\nw\ns\nc\n",
    "bogus\nb 8\nc\nabort\n",
    "c\nrestart\ns\nc\nquit\n",
    "n\nquit\n",
]


def main():
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch, "script.lua")
        script.write_text(SCRIPT)
        seen = {}
        for name, program in (("synap", sys.argv[1]), ("redis", "redis-server")):
            directory = Path(scratch, name)
            directory.mkdir()
            server = Server(program, directory, "--save", "").start()
            try:
                server.wait().close()
                modes = ("--ldb", "--ldb-sync-mode")
                seen[name] = [hold(server.port, script, mode, said) for mode in modes for said in SESSIONS]
            finally:
                server.kill()
    pairs = zip(seen["redis"], seen["synap"])
    return judge((f"\n--- Redis\n{theirs}\n--- Synap\n{ours}", ours == theirs) for theirs, ours in pairs)


def hold(port, script, mode, said):
    """What redis-cli shows of a session, and the key afterwards."""
    cli = ["redis-cli", "-p", str(port)]
    subprocess.run([*cli, "DEL", "k"], stdout=subprocess.DEVNULL, timeout=60, check=True)
    shown = subprocess.run([*cli, mode, "--eval", str(script), "k", ",", "21"], input=said, capture_output=True, text=True, timeout=120)
    left = subprocess.run([*cli, "GET", "k"], capture_output=True, text=True, timeout=60, check=True)
    return re.sub(r"@0x[0-9a-f]+", "@", shown.stdout) + f"k: {left.stdout}"


sys.exit(main())
