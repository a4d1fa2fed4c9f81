#!/usr/bin/env python3
"""A smoke of redis-py's own API.  usage: redis_py.py HOST PORT"""

import asyncio
import struct
import sys
import threading
import time

import redis
import redis.asyncio
from redis.commands.vectorset.commands import QuantizationOptions
from uses import Uses

GROUPS = []


def group(*needs):
    """Registers a group with the commands that it needs."""

    def register(function):
        GROUPS.append((function, needs))
        return function

    return register


@group("SET", "GET")
def strings(r):
    assert r.set("k", "v") is True
    assert r.get("k") == "v"
    assert r.set("k", "w", nx=True) is None
    assert r.set("k", "w", get=True) == "v"
    assert r.append("k", "!") == 2
    assert r.getrange("k", 0, 0) == "w"
    assert r.setrange("k", 1, "?") == 2
    assert r.strlen("k") == 2
    assert r.mset({"a": 1, "b": 2}) is True
    assert r.mget("a", "none", "b") == ["1", None, "2"]
    assert r.msetnx({"a": 1, "z": 2}) is False
    assert r.incr("n", 5) == 5 and r.decr("n", 2) == 3
    assert r.incrbyfloat("f", 0.5) == 0.5
    assert r.getdel("k") == "w?" and r.get("k") is None
    assert r.getex("a", ex=100) == "1" and 98 <= r.ttl("a") <= 100
    assert r.lcs("a", "b") == ""


@group("SET", "GET")
def bytes_and_large_values(r):
    raw = redis.Redis(**r.connection_pool.connection_kwargs | {"decode_responses": False})
    value = bytes(range(256)) * 40_000
    assert raw.set(b"\x00\r\n\xff", value)
    assert raw.get(b"\x00\r\n\xff") == value


@group("EXPIRE", "SCAN")
def keys(r):
    r.mset({f"key:{i}": i for i in range(300)})
    assert r.exists("key:1", "key:2", "none") == 2
    assert sorted(r.scan_iter("key:*", count=20)) == sorted(f"key:{i}" for i in range(300))
    assert len(r.keys("key:1?")) == 10
    assert r.expire("key:1", 100) is True and r.expire("none", 1) is False
    assert r.persist("key:1") is True
    assert r.pexpire("key:2", 20) is True
    time.sleep(0.05)
    assert r.get("key:2") is None
    assert r.type("key:1") == "string" and r.type("none") == "none"
    assert r.rename("key:1", "other") is True
    try:
        r.rename("none", "x")
        raise AssertionError("renaming nothing must fail")
    except redis.ResponseError as error:
        assert str(error) == "no such key", error
    assert r.copy("other", "copied") in (True, 1)
    assert r.touch("other", "copied") == 2
    assert r.unlink("other", "copied") == 2
    assert r.object("encoding", "key:3") == "int"
    assert r.dbsize() == 298


@group("SET", "INCR")
def pipelines(r):
    with r.pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.set(f"p{i}", i).incr(f"p{i}")
        replies = pipe.execute()
    assert len(replies) == 2000 and replies[-1] == 1000
    with r.pipeline(transaction=False) as pipe:
        replies = pipe.set("s", "text").incr("s").get("s").execute(raise_on_error=False)
    assert isinstance(replies[1], redis.ResponseError) and replies[2] == "text", replies


@group("CLIENT", "CONFIG", "INFO", "COMMAND")
def server(r):
    info = r.info()
    assert info["redis_version"] and info["connected_clients"] >= 1 and info["used_memory"] > 0
    assert "db0" not in r.info("keyspace") and r.set("k", 1) and r.info("keyspace")["db0"]["keys"] == 1
    assert r.ping() is True and r.echo("hi") == "hi"
    assert r.client_setname("smoke") and r.client_getname() == "smoke"
    assert any(client["name"] == "smoke" for client in r.client_list())
    assert r.client_info()["name"] == "smoke" and r.client_id() > 0
    assert r.config_get("databases") == {"databases": "16"}
    assert r.config_set("maxmemory-policy", "noeviction") and r.config_resetstat()
    assert r.command_count() > 50 and "get" in r.command()
    seconds, micros = r.time()
    assert abs(seconds - time.time()) < 5 and 0 <= micros < 1_000_000
    other = redis.Redis(**r.connection_pool.connection_kwargs | {"db": 3})
    assert other.get("k") is None
    assert r.flushdb() and r.flushall(asynchronous=True)


@group("SADD", "SSCAN", "SINTER")
def sets(r):
    assert r.sadd("s", *range(200)) == 200 and r.scard("s") == 200
    assert r.sadd("t", 1, 2, "x") == 3
    assert r.sinter("s", "t") in ({"1", "2"}, ["1", "2"], ["2", "1"])
    assert r.sismember("t", "x") and r.smismember("t", ["x", "y"]) == [1, 0]
    assert set(r.sscan_iter("s", count=10)) == {str(i) for i in range(200)}
    assert r.spop("t") in {"1", "2", "x"} and len(r.srandmember("s", 5)) == 5
    assert r.sunionstore("u", "s", "t") >= 200 and r.smove("s", "u", "5") and r.sintercard(2, ["s", "u"]) >= 1


@group("HSET", "HSCAN", "HINCRBY")
def hashes(r):
    assert r.hset("h", mapping={f"f{i}": i for i in range(100)}) == 100
    assert r.hget("h", "f5") == "5" and r.hmget("h", "f1", "no") == ["1", None]
    assert r.hgetall("h")["f99"] == "99" and r.hlen("h") == 100
    assert dict(r.hscan_iter("h", count=7)) == {f"f{i}": str(i) for i in range(100)}
    assert r.hincrby("h", "f5", 10) == 15 and r.hincrbyfloat("h", "f5", 0.5) == 15.5
    assert r.hdel("h", "f5", "no") == 1 and r.hexists("h", "f5") is False


@group("HSET", "HEXPIRE")
def field_expiry(r):
    r.hset("h", mapping={"f1": 1, "f2": 2})
    assert r.hexpire("h", 100, "f1") == [1] and 98 <= r.httl("h", "f1")[0] <= 100


@group("RPUSH", "LPOS", "LMOVE")
def lists(r):
    assert r.rpush("l", *"abcde") == 5 and r.lpush("l", "z") == 6
    assert r.lrange("l", 0, -1) == list("zabcde") and r.lindex("l", -1) == "e"
    assert r.lpop("l") == "z" and r.rpop("l", 2) == ["e", "d"]
    assert r.linsert("l", "before", "b", "x") == 4 and r.lpos("l", "b") == 2
    assert r.lmove("l", "m", "LEFT", "RIGHT") == "a" and r.ltrim("l", 0, 0) and r.llen("l") == 1
    assert r.lmpop(2, "none", "l", direction="LEFT") == ["l", ["x"]]


@group("BLPOP", "RPUSH")
def blocking(r):
    assert r.blpop("q", timeout=0.05) is None

    def push():
        time.sleep(0.05)
        redis.Redis(**r.connection_pool.connection_kwargs).rpush("q", "job")

    thread = threading.Thread(target=push)
    thread.start()
    assert list(r.blpop(["other", "q"], timeout=5)) == ["q", "job"]
    thread.join()
    assert r.blmove("q", "done", timeout=0.05) is None


@group("ZADD", "ZRANGE", "ZSCAN")
def sorted_sets(r):
    assert r.zadd("z", {"a": 1, "b": 2.5, "c": 3}) == 3 and r.zincrby("z", 1, "a") == 2.0
    assert r.zrange("z", 0, -1, withscores=True) in ([("a", 2.0), ("b", 2.5), ("c", 3.0)], [["a", 2.0], ["b", 2.5], ["c", 3.0]])
    assert r.zrangebyscore("z", "(2", "+inf") == ["b", "c"] and r.zrank("z", "c") == 2 and r.zscore("z", "b") == 2.5
    assert r.zcount("z", 2, 2.5) == 2 and sorted(r.zscan_iter("z")) == [("a", 2.0), ("b", 2.5), ("c", 3.0)]
    assert r.zpopmin("z") in ([("a", 2.0)], [["a", 2.0]], ["a", 2.0])
    assert r.zunionstore("u", {"z": 2}) == 2 and r.zrevrange("u", 0, 0) == ["c"]


@group("VADD", "VSIM", "VLINKS")
def vector_sets(r):
    vectors = r.vset()
    assert vectors.vadd("v", [1, 0, 0], "x", attributes={"axis": 0}) == 1
    assert vectors.vadd("v", struct.pack("<3f", 0, 2, 0), "y", cas=True, ef=100, attributes='{"axis": 1}') == 1
    assert vectors.vadd("v", [1.5, 0, 0], "x") == 0 and vectors.vcard("v") == 2 and vectors.vdim("v") == 3
    assert vectors.vsim("v", "x") == ["x", "y"] and vectors.vsim("v", [0, 1, 0], count=1) == ["y"]
    assert vectors.vsim("v", "x", with_scores=True, truth=True) == {"x": 1, "y": 0.5}
    assert vectors.vsim("v", "x", filter=".axis > 0", filter_ef=10, no_thread=True) == ["y"]
    assert vectors.vemb("v", "x") == [1.5, 0, 0] and vectors.vemb("v", "none") is None
    assert vectors.vemb("v", "y", raw=True)["l2"] == 2
    assert vectors.vgetattr("v", "x") == {"axis": 0} and vectors.vsetattr("v", "x", {}) == 1
    assert vectors.vinfo("v")["vector-dim"] == 3 and vectors.vinfo("none") is None
    assert vectors.vlinks("v", "x", with_scores=True) and vectors.vlinks("v", "none") is None
    assert vectors.vrandmember("v") in ("x", "y") and sorted(vectors.vrandmember("v", 5)) == ["x", "y"]
    assert vectors.vrem("v", "x") == 1 and vectors.vrem("v", "x") == 0
    assert vectors.vadd("w", [1, 2, 3, 4], "a", reduce_dim=2, quantization=QuantizationOptions.NOQUANT, numlinks=8) == 1
    assert vectors.vdim("w") == 2


@group("XADD", "XREADGROUP", "XAUTOCLAIM")
def streams(r):
    first = r.xadd("x", {"a": 1})
    assert r.xadd("x", {"b": 2}, maxlen=100) > first and r.xlen("x") == 2
    assert r.xrange("x")[0] == (first, {"a": "1"})
    assert r.xread({"x": first}, count=1, block=10)
    assert r.xgroup_create("x", "g", id="0") and r.xreadgroup("g", "me", {"x": ">"}, count=1)
    assert r.xpending("x", "g")["pending"] == 1 and r.xack("x", "g", first) == 1
    assert r.xinfo_stream("x")["length"] == 2 and r.xinfo_groups("x")[0]["name"] == "g"
    assert r.xtrim("x", maxlen=0) == 2


@group("SETBIT", "BITFIELD", "PFADD", "GEOADD")
def bits_hyperloglog_geo(r):
    assert r.setbit("b", 7, 1) == 0 and r.getbit("b", 7) == 1 and r.bitcount("b") == 1 and r.bitpos("b", 1) == 7
    assert r.bitfield("b").set("u8", 0, 255).get("u4", 0).execute() == [1, 15]
    assert r.pfadd("p", *range(1000)) == 1 and 950 < r.pfcount("p") < 1050
    assert r.geoadd("g", [13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"]) == 2
    assert 166 < r.geodist("g", "Palermo", "Catania", "km") < 167
    assert r.geosearch("g", longitude=15, latitude=37, radius=200, unit="km", sort="ASC") == ["Catania", "Palermo"]


@group("MULTI", "WATCH")
def transactions(r):
    with r.pipeline() as pipe:
        assert pipe.set("k", 1).incr("k").execute() == [True, 2]
        pipe.watch("k")
        r.set("k", 10)
        pipe.multi()
        pipe.set("k", 99)
        try:
            pipe.execute()
            raise AssertionError("the watch must break")
        except redis.WatchError:
            pass
    assert r.transaction(lambda pipe: (pipe.multi(), pipe.incr("k")), "k") == [11]


@group("SUBSCRIBE", "PUBLISH")
def publish_subscribe(r):
    listener = r.pubsub()
    listener.subscribe("news")
    listener.psubscribe("n*")
    got = []
    until = time.time() + 60
    sent = False
    while time.time() < until and len([m for m in got if m["type"].endswith("message")]) < 2:
        message = listener.get_message(timeout=0.2)
        if message:
            got.append(message)
        if not sent and len(got) == 2:
            sent = r.publish("news", "hello") == 2
    assert [m["data"] for m in got if m["type"].endswith("message")] == ["hello", "hello"], got
    assert r.pubsub_channels() == ["news"] and r.pubsub_numpat() == 1
    listener.unsubscribe()
    listener.close()


@group("EVALSHA", "EVAL")
def scripts(r):
    add = r.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert add(keys=["k"], args=[5]) == 5 and add(keys=["k"], args=[5]) == 10
    assert r.lock("lock", timeout=5).acquire(blocking=False) is True


@group("SET", "GET")
def asynchronous(r):
    async def run():
        settings = {k: v for k, v in r.connection_pool.connection_kwargs.items() if k in ("host", "port", "protocol", "decode_responses")}
        client = redis.asyncio.Redis(**settings)
        await asyncio.gather(*(client.set(f"a{i}", i) for i in range(200)))
        assert await client.mget([f"a{i}" for i in range(200)]) == [str(i) for i in range(200)]
        assert len([key async for key in client.scan_iter("a*")]) == 200
        await client.aclose()

    asyncio.run(run())


@group("HELLO", "AUTH", "CONFIG")
def errors_and_passwords(r):
    r.set("s", "text")
    for call, text in [
        (lambda: r.incr("s"), "value is not an integer or out of range"),
        (lambda: r.execute_command("NOPE"), "unknown command 'NOPE'"),
    ]:
        try:
            call()
            raise AssertionError(f"must fail: {text}")
        except redis.ResponseError as error:
            assert text in str(error), error
    r.config_set("requirepass", "sesame")
    settings = r.connection_pool.connection_kwargs
    try:
        assert redis.Redis(**settings | {"password": "sesame"}).ping()
        try:
            redis.Redis(**settings | {"password": "wrong"}).ping()
            raise AssertionError("a wrong password must fail")
        except redis.AuthenticationError:
            pass
    finally:
        redis.Redis(**settings | {"password": "sesame"}).config_set("requirepass", "")


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    uses = Uses()
    for protocol in (2, 3):
        r = redis.Redis(host=host, port=port, protocol=protocol, decode_responses=True, socket_timeout=20)
        for function, needs in GROUPS:
            name = f"redis-py {redis.__version__} RESP{protocol} {function.__name__}"
            lacking = [need for need in needs if not knows(r, need)]
            if lacking:
                uses.skip(name, f"the server has no {', '.join(lacking)}")
            else:
                uses.run(r, function, name)
    return uses.end()


def knows(r, command):
    """Asks on a bare connection: redis-py's own reading of COMMAND INFO fails on commands that are not there."""
    connection = r.connection_pool.get_connection()
    try:
        connection.send_command("COMMAND", "INFO", command)
        return bool(connection.read_response()[0])
    finally:
        r.connection_pool.release(connection)


if __name__ == "__main__":
    sys.exit(main())
