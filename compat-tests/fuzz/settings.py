"""Steps that give settings values, right and wrong, and read them back; what they were before is put back at once."""

import re

from odd import NUMBERS
from wire import plain

# What would part the two, or harm the run: where they listen, what they log, who may speak with them, and how long that takes.
LEFT_OUT = re.compile(r"dir|dbfilename|port|bind.*|unixsocket.*|logfile|pidfile|tls-.*|.*-port|appendonly|appenddirname|appendfilename|aclfile|.*thread.*|.*cpulist|daemonize|supervised|replicaof|slaveof|master.*|requirepass|maxmemory|"
                      r"maxclients|timeout|notify-keyspace-events|proto-max-bulk-len|save|oom-score.*|jemalloc.*|cluster-.*|syslog-.*|shutdown-.*|.*dump-payload.*|locale-collate|crash.*|ignore-warnings|proc-title.*|always-show-logo|set-proc-title|databases|socket-mark-id|.*announce.*|enable-.*|disable-thp|activedefrag|rdb-del-sync-files|aof-timestamp-enabled|maxmemory-clients|repl-.*|replica-.*|slave-.*|min-replicas.*|min-slaves.*")
VALUES = ["yes", "no", "YES", "No", "maybe", "", "1k", "1kb", "2mb", "1gb", "1GB", "100b", "1tb", "5%", "100%", "-5%", "101%", "1.5mb", "x", "0", "1", "-1", "100", "1000", "65536", "none", "normal 0 0 0", "pubsub 32mb 8mb 60 normal 1 1 1",
          "normal -1 0 0", "slave 1mb 1kb 5", "replica 1 2 3", "50 99 100", "50.5", "101", "0 0", "a b", "1 2", "\x00", "1\x00", " 1", "1 "]


class Settings:
    """The steps; of a `Pair`."""

    def setting(self, calls):
        """Calls of CONFIG SET, each with what the settings then are; in the end the old values again."""
        names = sorted({name for pairs in calls for name, _ in pairs})
        before = [{name: plain(side.links["s"].call("CONFIG", "GET", name)) for name in names} for side in self.sides]
        before = [{name: value[name] if isinstance(value, dict) else value[1] for name, value in one.items() if value} for one in before]
        try:
            for pairs in calls:
                words = ["CONFIG", "SET", *(word for pair in pairs for word in pair)]
                self.judge("config|set", words, *(side.links["s"].call(*words) for side in self.sides))
                for name in names:
                    self.judge("config|get of one", ["CONFIG", "GET", name], *(side.links["s"].call("CONFIG", "GET", name) for side in self.sides))
        finally:
            for side, values in zip(self.sides, before):
                for name, value in values.items():
                    side.links["s"].call("CONFIG", "SET", name, value)


def shared(oracle, synap):
    """The settings that both know, with the value that they have in the oracle and words that it takes or refuses in vain."""
    one, two = (plain(server.call("CONFIG", "GET", "*")) for server in (oracle, synap))
    one, two = (dict(zip(some[::2], some[1::2])) if isinstance(some, list) else some for some in (one, two))
    settings = {}
    for name in sorted(set(one) & set(two)):
        if LEFT_OUT.fullmatch(name) or oracle.call("CONFIG", "SET", name, one[name]) != ("+", b"OK"):
            continue
        refused = oracle.call("CONFIG", "SET", name, "no such value")
        choices = re.search(r"one of the following: (.*)", refused[1].decode("latin1")) if refused[0] == "-" else None
        settings[name] = (one[name], choices[1].split(", ") if choices else [])
        oracle.call("CONFIG", "SET", name, one[name])
    return settings


def draw_setting(settings, dice):
    """One of these steps."""
    calls = []
    for _ in range(dice.choice([1, 2, 5])):
        pairs = []
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            name = dice.choice(sorted(settings))
            old, choices = settings[name]
            value = dice.choice(choices) if choices and dice.random() < 0.5 else dice.choice([old, dice.choice(VALUES), dice.choice(VALUES), dice.choice(NUMBERS), dice.choice(NUMBERS[:8])])
            pairs.append((name, value.upper() if dice.random() < 0.05 else value))
        calls.append(pairs)
    return ("setting", calls)
