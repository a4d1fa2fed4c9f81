"""Steps in which several clients send requests in a row without a look at replies: waits with requests behind them, transactions,
pauses, connections that others unblock or kill. Compared is all that each of them was sent."""

import re
import time

from crowds import EXPIRED
from wire import Link

# What a client that is done with sends; the reply to it is its last.
LAST = [["RESET"], ["PING", "--last--"]]
LASTED = b"$8\r\n--last--\r\n"
CLOSED = b"(closed)"
# Seconds that requests have to arrive, and to be run.
RUN = 0.005

WAITS = ["BLPOP l0 l1 0", "BRPOP l1 0", "BLPOP l0 z0 0", "BLMOVE l0 l1 LEFT RIGHT 0", "BLMOVE l1 l1 LEFT LEFT 0", "BRPOPLPUSH l0 l2 0", "BLMPOP 0 2 l0 l1 LEFT COUNT 2", "BZPOPMIN z0 z1 0", "BZPOPMAX z0 0", "BZMPOP 0 1 z0 MAX COUNT 3",
         "XREAD BLOCK 0 STREAMS x0 $", "XREAD BLOCK 0 COUNT 1 STREAMS x0 x1 0 0", "XREADGROUP GROUP g c BLOCK 0 STREAMS x0 >", "XREADGROUP GROUP g d BLOCK 0 NOACK STREAMS x0 >", "BLMOVE l0 k0 LEFT LEFT 0"]
# Without ASYNC, Redis has the client wait for another thread that frees the keys, and others go on before it does.
CHANGES = ["RPUSH l0 a", "RPUSH l0 a b c", "LPUSH l1 x", "ZADD z0 1 a", "ZADD z0 1 a 2 b", "XADD x0 %d-1 f v", "XGROUP CREATE x0 g 0 MKSTREAM", "XGROUP DESTROY x0 g", "DEL l0 z0", "DEL x0", "SET l0 s", "SET x0 s", "SET k0 v", "INCR k1", "RENAME l1 l0", "RENAME z1 z0",
           "COPY l1 l0 REPLACE", "MOVE l0 1", "SADD s0 a", "ZADD z1 5 q", "RPUSH l1 q", "SORT s0 ALPHA STORE l0", "EXPIRE l0 -1", "EXPIRE x0 -1", "PFADD p0 a", "PFCOUNT p0", "PUBLISH c m", "SPUBLISH c m", "FLUSHALL ASYNC", "FLUSHDB ASYNC", "GETEX k0 EX 1000", "GETDEL k0", "LPOP l0", "LTRIM l0 1 0", "LINSERT l0 BEFORE a b",
           "XDEL x0 1-1", "XTRIM x0 MAXLEN 0", "EVAL return(redis.call('RPUSH',KEYS[1],'e','f')) 1 l0", "EVAL redis.call('RPUSH',KEYS[1],'e');redis.call('DEL',KEYS[1]) 1 l0", "EVAL redis.call('ZADD',KEYS[1],1,'e');return(redis.call('PUBLISH','c','script')) 1 z0", "LMOVE l1 l0 LEFT RIGHT", "ZUNIONSTORE z0 1 z1", "RESTORE l0 0 x REPLACE"]
LOOKS = ["GET k0", "LLEN l0", "LRANGE l0 0 -1", "PING", "ECHO m", "EXISTS l0 k0", "TYPE l0", "ZCARD z0", "XLEN x0", "DBSIZE", "TTL k0", "GET l0", "EVAL_RO return(redis.call('GET',KEYS[1])) 1 k0", "nosuch", "GET", "CLIENT GETNAME", "OBJECT ENCODING l0", "XPENDING x0 g", "PUBSUB NUMSUB c"]
STATES = ["MULTI", "MULTI", "EXEC", "EXEC", "EXEC", "DISCARD", "WATCH k0 l0", "UNWATCH", "SELECT 1", "SELECT 0", "SUBSCRIBE c", "SSUBSCRIBE c", "PSUBSCRIBE c*", "UNSUBSCRIBE", "SUNSUBSCRIBE c", "HELLO 3", "HELLO 2", "RESET", "QUIT", "CLIENT REPLY SKIP", "CLIENT REPLY OFF", "CLIENT REPLY ON", "CLIENT SETNAME n", "CLIENT TRACKING ON",
          "CLIENT TRACKING ON BCAST", "CLIENT TRACKING ON NOLOOP", "CLIENT TRACKING ON OPTIN", "CLIENT CACHING yes", "CLIENT TRACKING OFF", "CLIENT NO-EVICT ON", "CLIENT NO-TOUCH ON"]
OTHERS = ["CLIENT UNBLOCK {id}", "CLIENT UNBLOCK {id} ERROR", "CLIENT UNBLOCK {id} TIMEOUT", "CLIENT KILL ID {id}", "CLIENT KILL ID {id} SKIPME no", "CLIENT UNPAUSE", "CLIENT UNPAUSE",
          "CLIENT TRACKING ON REDIRECT {id}", "CLIENT TRACKING ON BCAST REDIRECT {id}"]


class Pipelines:
    """The steps; of a `Pair`."""

    def interleaved(self, turns):
        """Clients e to h, who take turns; s, who looks on, pauses them."""
        for name in "ab":
            self.chunk(name, [("discard", ["DISCARD"])])
        told = [Interleaving(side).run(turns) for side in self.sides]
        self.events()
        for name in "efgh":
            one, two = (each[name] for each in told)
            killed = any(by != name and call[:4] == ["CLIENT", "KILL", "ID", "{id:%s}" % name] for by, calls in turns for call in calls)
            if killed and lost(one, two):
                continue
            # A class of difference by what the first of them says where they part.
            at = next((at for at, (left, right) in enumerate(zip(one, two)) if left != right), min(len(one), len(two)))
            line = max(one, two, key=len)[:at + 40].rpartition(b"\n")[2] if one != two else b""
            self.judge("interleaved " + re.sub(r"\W.*|\d", "", line.decode("latin1")[:12]), ["(client)", name], ("$", one), ("$", two))


class Interleaving:
    """Clients of one side, and what they have sent."""

    def __init__(self, side):
        self.looks = side.links["s"]
        self.links = {name: Link(side.server.port) for name in "efgh"}
        self.idents = {name: link.call("CLIENT", "ID")[1].decode() for name, link in self.links.items()}
        self.came = dict.fromkeys(self.links, b"")

    def run(self, turns):
        """All that came on each connection."""
        for name, calls in turns:
            if name == "s":
                self.looks.call(*calls[0])
                continue
            self.send(name, [[re.sub(r"\{id:(.)\}", lambda found: self.idents[found[1]], word) for word in words] for words in calls])
        self.looks.call("CLIENT", "UNPAUSE")
        for name in self.links:
            self.send(name, LAST)
        for name in self.links:
            self.finish(name)
        out = {}
        for name, raw in self.came.items():
            for one, ident in self.idents.items():
                raw = re.sub(rb"(?<=[:;=])%s\r\n" % ident.encode(), one.encode() + b"\r\n", raw)
            out[name] = re.sub(rb"(\r\nmodules\r\n)\*1\r\n[*%].*?vectorset.*?args\r\n\*0\r\n", rb"\1*0\r\n", EXPIRED.sub(b"", raw), flags=re.S)
        return out

    def send(self, name, calls):
        """Sends calls, and gives them time to be run, or to wait."""
        try:
            self.links[name].send(*calls)
        except OSError:
            return
        time.sleep(RUN)
        self.looks.call("PING")

    def finish(self, name):
        """Ends the waits of a client until its last reply has come, or it is gone."""
        link = self.links[name]
        link.socket.settimeout(0.002)
        for _ in range(400):
            try:
                some = link.socket.recv(1 << 16)
                if not some:
                    self.came[name] += CLOSED
                    break
                self.came[name] += some
            except TimeoutError:
                self.looks.call("CLIENT", "UNBLOCK", self.idents[name])
            except OSError:
                self.came[name] += CLOSED
                break
            if self.came[name].endswith(LASTED):
                break
        link.close()
        # Others that kill it find it, or not, by the time at which the server notices.
        for _ in range(400):
            if not self.looks.call("CLIENT", "LIST", "ID", self.idents[name])[1]:
                break
            time.sleep(0.001)


def lost(one, two):
    """Whether one of two was closed, and sent what the other was but for its end: what was answered to a client that another kills
    within the same round of Redis' loop is lost with it."""
    shorter, longer = sorted((one, two), key=len)
    return shorter.endswith(CLOSED) and longer.startswith(shorter.removesuffix(CLOSED))


def draw_pipeline(dice):
    """One of these steps."""
    turns, ids, paused = [], iter(range(10, 1000)), False
    for _ in range(dice.choice([3, 6, 12])):
        if dice.random() < 0.1:
            paused = not paused
            turns.append(("s", [["CLIENT", "PAUSE", "100000", "WRITE"] if paused else ["CLIENT", "UNPAUSE"]]))
        # One client is held at a time: who of several goes on first is no promise of either server.
        name = turns[-1][0] if paused and turns[-1][0] != "s" else dice.choice("efgh")
        calls = []
        for _ in range(dice.choice([1, 1, 2, 3, 5])):
            text = dice.choice(dice.choice([WAITS, WAITS, CHANGES, CHANGES, CHANGES, LOOKS, STATES, LOOKS if paused else OTHERS]))
            text = text.replace("%d", str(next(ids))).replace("{id}", "{id:%s}" % dice.choice("efgh"))
            calls.append(text.split(" "))
        turns.append((name, calls))
    return ("interleaved", turns)
