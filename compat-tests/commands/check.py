#!/usr/bin/env python3
"""Compares what COMMAND INFO, DOCS and GETKEYSANDFLAGS tell with what Redis 8 tells, for every command that both have.

usage: check.py --server PROGRAM [--record REDIS-8] [--record-later REDIS-8.6]

redis-8.json holds the facts of a real Redis 8.0, one command a line: arity, flags, key range, ACL categories, tips, key
specifications and subcommands; since when, group, deprecation and the arguments' tree; and the keys of sample calls.
redis-8.6.json holds those of the commands that came later, of a Redis 8.6. Texts for people (summaries, complexity,
notes) are each project's own: only whether there is one is compared. `--record` and `--record-later` ask a server anew.
"""

import argparse
import json
import pathlib
import random
import signal
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "fuzz"))
from wire import Server, plain  # noqa: E402

FACTS = HERE / "redis-8.json"
LATER = HERE / "redis-8.6.json"
# What differs on purpose, with the reason.
ALLOWED = {
    ("bitop", "arguments"): "DIFF, DIFF1, ANDOR, ONE of Redis 8.2",
    ("set", "arguments"): "IFEQ, IFNE, IFDEQ, IFDNE of Redis 8.4",
    ("hsetex", "arguments"): "NX and XX of Valkey 9.0",
    ("xadd", "arguments"): "KEEPREF, DELREF, ACKED of Redis 8.2",
    ("xtrim", "arguments"): "KEEPREF, DELREF, ACKED of Redis 8.2",
    ("xreadgroup", "arguments"): "CLAIM of Redis 8.4",
    ("zscan", "arguments"): "NOSCORES of Valkey 9.1",
    ("xcfgset", "arguments"): "a word and its value are one argument, as with other commands",
    ("migrate", "arguments"): "its own names",
    ("migrate", "flags"): "it waits for another server: not within transactions and scripts",
    ("migrate", "range"): "the keys are found by its own rule alone",
    ("migrate", "specs"): "the keys are found by its own rule alone",
    ("cluster", "subcommands"): "only those that clients of a lone server send",
    ("evalsha", "specs"): "notes what EVAL notes",
    ("evalsha_ro", "specs"): "notes what EVAL notes",
    ("lolwut", "complexity"): "tells it, Redis does not",
    ("monitor", "complexity"): "tells it, Redis does not",
    ("xread", "complexity"): "tells it, Redis does not",
}
# Of its module, Redis 8.0 tells no more than the names: all else that is told of these is as in Redis 8.6, or our own.
UNTOLD = {"arguments", "complexity"}
WORDS = "1 2 k a STORE STREAMS KEYS GET LIMIT 3 BY NX INCRBY u8 WEIGHTS COUNT STOREDIST 0 -1 x SET EX 10".split()
SAMPLES = 6


def facts(info):
    """What COMMAND INFO tells of a command, by field; its subcommands beside it."""
    name, arity, flags, first, last, step, categories, tips, specs, subcommands = info
    specs = [{key: "" if key == "notes" else value for key, value in sorted(spec.items())} for spec in specs]
    for spec in specs:
        spec["flags"] = sorted(spec["flags"])
    fields = {
        "arity": arity, "flags": sorted(flags), "range": [first, last, step], "categories": sorted(categories),
        "tips": sorted(tips), "specs": specs, "subcommands": sorted(sub[0] for sub in subcommands),
    }
    return {name: fields} | {key: value for sub in subcommands for key, value in facts(sub).items()}


def tree(argument):
    """An argument as a short text: `COUNT=count:integer?`."""
    kind = argument["type"]
    if kind == "pure-token":
        text = argument["token"]
    elif kind in ("oneof", "block"):
        text = f"{kind}({' '.join(map(tree, argument['arguments']))})"
    else:
        text = f"{argument['name']}:{kind}"
    token = f"{argument['token']}=" if "token" in argument and kind != "pure-token" else ""
    marks = "".join({"optional": "?", "multiple": "*", "multiple_token": "+"}[flag] for flag in sorted(argument.get("flags", [])))
    spec = f"#{argument['key_spec_index']}" if "key_spec_index" in argument else ""
    return token + text + marks + spec


def documents(docs):
    found = {}
    for name, doc in docs.items():
        found[name] = {key: doc[key] for key in ("since", "group", "deprecated_since") if key in doc}
        found[name]["complexity"] = "complexity" in doc
        found[name]["doc_flags"] = sorted(doc.get("doc_flags", []))
        found[name]["arguments"] = " ".join(map(tree, doc.get("arguments", [])))
        found |= documents(doc.get("subcommands", {}))
    return found


def calls(name, arity):
    """Some calls of a command, the same for every server."""
    dice = random.Random(name)
    words = name.split("|")
    for _ in range(SAMPLES):
        yield words + [dice.choice(WORDS) for _ in range(max(0, abs(arity) - len(words) + dice.choice([0, 0, 1, 2, 3, -1])))]


def keys_of(server, call):
    reply = server.call("COMMAND", "GETKEYSANDFLAGS", *call)
    if reply[0] == "-":
        return reply[1].decode("latin1")
    return [[key, sorted(flags)] for key, flags in plain(reply)]


def ask(server):
    server.call("HELLO", "3")
    told = {}
    for info in plain(server.call("COMMAND"), numbers=True):
        told |= facts(info)
    for name, doc in documents(plain(server.call("COMMAND", "DOCS"), numbers=True)).items():
        told.setdefault(name, {}).update(doc)
    for name, fields in told.items():
        fields["keys"] = [[call, keys_of(server, call)] for call in calls(name, fields["arity"])]
    return told


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--record", help="ask this Redis 8 first, and write its facts down")
    parser.add_argument("--record-later", help="ask this Redis 8.6 first, and write down the facts of what Redis 8 does not have")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="synap-commands-") as scratch:
        if options.record:
            record(FACTS, on(Server(options.record, scratch, "recorded")))
        theirs = json.loads(FACTS.read_text())
        if options.record_later:
            told = on(Server(options.record_later, scratch, "recorded-later"))
            record(LATER, {name: fields for name, fields in told.items() if name not in theirs})
        theirs |= json.loads(LATER.read_text())
        ours = on(Server(options.server, scratch, "synap"))
    passed, failed, allowed = 0, 0, 0
    for name in sorted(theirs.keys() & ours.keys()):
        for field, value in theirs[name].items():
            mine = ours[name].get(field)
            if field == "subcommands":
                # Whether a subcommand is missing is told by the cases of its container.
                value = [sub for sub in value if sub in ours]
                mine = [sub for sub in mine if sub in theirs]
            if value == mine:
                passed += 1
            elif (name, field) in ALLOWED or field in UNTOLD and theirs[name]["group"] == "module":
                allowed += 1
            else:
                failed += 1
                print(f"DIFFERENT {name} {field}\n    redis  {json.dumps(value)[:300]}\n    synap  {json.dumps(mine)[:300]}")
    print(f"{len(theirs.keys() & ours.keys())} commands; Synap does not have {' '.join(sorted(theirs.keys() - ours.keys()))}")
    print(f"{passed} passed, {failed} failed, {allowed} skipped as they differ on purpose")
    return 1 if failed else 0


def record(path, told):
    lines = [f"{json.dumps(name)}: {json.dumps(told[name], sort_keys=True)}" for name in sorted(told)]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def on(server):
    try:
        return ask(server)
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
