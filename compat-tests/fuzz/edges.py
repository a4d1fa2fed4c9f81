"""Draws calls where commands have their edges, from templates: keys that are source and destination at once, options in all
combinations, numbers at the bounds, poles, lengths, times of hash fields, deleted entries, users' rights.

A template is a line of words: `A|B` is one of these, `[ … ]` may be left out, `( … )` comes once or more often, `%name` is
drawn from `WORDS`, `$x` is a key of a family (a few only, so that keys meet), `#( … )` is preceded by how many it holds.
"""

from calls import RANDOM, SCANS

FLOATS = ["0", "-0", "1", "1.5", "-1.5", "inf", "-inf", "+inf", "Infinity", "nan", "-nan", "1e308", "-1e308", "1e-320", "3e-5", "0.1", "0.30000000000000004", "1e17",
          "123456789012345678", "9007199254740993", "1e21", "1e22", "5.", ".5", "0x1p3", "1e", " 1", "1 ", "", "1e400", "4503599627370496.5"]
INTEGERS = ["0", "1", "-1", "2", "-2", "3", "7", "10", "100", "-100", "2147483647", "2147483648", "-2147483649", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "01", "+1", "1.0", "", "a"]
WORDS = {
    "f": FLOATS, "i": INTEGERS, "n": ["0", "1", "-1", "2", "-2", "3", "5", "10", "-10", "100"], "score": [*"0123", "-1", "1.5", "inf", "-inf", "(1", "(2", "+inf", "(inf", "nan", "1e5"],
    "m": ["a", "b", "c", "d", "1", "2", "-5", "", "a\x00b", "\xff", "x" * 70, "10", "007"], "lex": ["-", "+", "[a", "(a", "[b", "(c", "[", "(", "[\xff", "a", "[1", "", "-a", "+inf"],
    "lon": ["180", "-180", "179.9999999", "-179.99999", "0", "13.361389", "15.087269", "-122.4", "181", "1e-9", "90"], "lat": ["85.05112878", "-85.05112878", "85.0511287801", "0", "38.115556", "37.502669", "-33.9", "89", "1e-9", "84.9"],
    "r": ["0", "1", "0.001", "100", "200", "20000", "20037.5", "40075", "1e7", "1e9", "-1", "nan", "inf", "5000.5", "1e300"], "unit": ["m", "km", "ft", "mi", "KM", "cm"], "at": ["0", "1", "3", "7", "8", "#0", "#1", "#2", "63", "64", "100", "#100", "4294967295", "-1", "#-1", "#"],
    "type": ["u1", "u2", "u7", "u8", "i8", "i1", "u16", "i16", "u32", "i33", "u63", "i64", "i63", "u64", "i65", "u0", "U8", "x8"],
    "v": ["0", "1", "-1", "127", "128", "255", "256", "-128", "-129", "32768", "2147483648", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "4611686018427387904"],
    "id": ["1-1", "2-0", "3-3", "5-0", "5", "7-1", "9-9", "0-0", "0", "1", "100", "6-2"], "edge": ["-", "+", "(1-1", "(2-0", "(5", "(", "(-", "(+", "(0", "(18446744073709551615-18446744073709551615", "18446744073709551615", "0-18446744073709551615", "$", ">", "x", "1-", "1-x", "-1", "18446744073709551616"],
    "g": ["g", "f", "nosuch"], "c": ["c", "d", "e"], "far": ["100000", "4102444800", "100000000", "0", "-1", "9223372036854775", "9223372036854775807", "281474976710655", "281474976710656", "x", "1.5"],
    "farms": ["100000000", "4102444800000", "0", "-1", "9223372036854775807", "281474976710655", "281474976710656", "70368744177663", "1e3"], "text": ["", "a", "abc", "abcabc", "xaybzc", "hello world", "a" * 50, "ab" * 30, "\x00\x01\x02\x00", "10", "3.5", "1e5", " 7", "9223372036854775807", "-0", "\xff\xff\xff"],
    "number": ["0", "10", "-0", "007", "9223372036854775807", "-9223372036854775808", "9223372036854775806", "3.0", "1e5", "1e17", "inf", "abc", "", " 1", "1 ", "0.1", "+5", "12345678901234567890"],
    "count": ["0", "1", "2", "3", "-1", "-3", "100", "2147483648", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "a", "1.5", "4294967297"],
    # Times: none that pass within a run, and of moments none in the past, of which DBSIZE tells until somebody looks.
    "t": [one for one in INTEGERS if one not in ("1", "2", "3", "7", "10", "100", "01", "+1", "2147483647", "2147483648", "4294967295", "4294967296")], "glob": ["*", "h*", "[hs]*-max*", "maxmemory*", "*max*", "save", "hz", "no[tx]*", "\\*", "?z", "NOSUCH", "list-*", "zset-max-ziplist-*", "*-ziplist-*", "slave*", "replica-*", "cluster-*", "tls-*", "", "client-*", "lfu-*", "*period*", "*threads*", "lua*", "proto*"],
    "key": ["k0", "k1", "l0", "s0", "h0", "z0", "x0", "w0", "p0", "g0", "", "k\x00\xff"], "rule": ["on", "off", "nopass", "reset", "allkeys", "resetkeys", "+@all", "-@all", "+@read", "-@write", "+get", "-get", "+config|get", "-config|set", "~k*", "%R~k*", "%W~l*", "%RW~s*", "~*", "&c*", "allchannels", "resetchannels", "+@string", "-@list", "+set", "+@dangerous", "nocommands", "allcommands",
                                                                       "(+get ~l*)", "(%R~s* +@set)", "clearselectors", "+select", "+xinfo", "-xinfo|stream", "+eval", "sanitize-payload", "skip-sanitize-payload"],
    "section": ["server", "clients", "memory", "persistence", "stats", "replication", "cpu", "commandstats", "latencystats", "cluster", "keyspace", "all", "default", "everything", "modules", "errorstats", "nosuch", "debug"],
}
FAMILIES = {"k": "klshzxw", "K": "k"}
TEMPLATES = """
MSET $k %text [ $k %text ] [ $k %text ]
MSETNX $k %text $k %text
SET $k %text [ NX|XX ] [ GET ] [ EX|PX|EXAT|PXAT %far | KEEPTTL ]
SET $k %number
SET $k %text EX|PX|EXAT|PXAT|ex|Px %t
SET $k %text ( NX|XX|GET|KEEPTTL|EX|PX|100000|a )
GETEX $k [ PERSIST|EX|PX|EXAT|PXAT ] [ %far ]
GETDEL $k
SETEX|PSETEX $k %far|%t %text
SETNX|GETSET|APPEND $k %text
SETRANGE $k %n|%i %text
GETRANGE|SUBSTR $k %n|%i %n|%i
INCR|DECR $k
INCRBY|DECRBY $k %i
INCRBYFLOAT $k %f
STRLEN|GET|TYPE|TTL|PERSIST|OBJECT $k
LCS $k $k [ LEN ] [ IDX ] [ MINMATCHLEN %n ] [ WITHMATCHLEN ]
MGET|EXISTS|TOUCH|DEL|UNLINK ( $a )
EXPIRE|PEXPIRE $a %far|%farms|%t [ NX|XX|GT|LT ] [ NX|XX|GT|LT ]
EXPIREAT|PEXPIREAT $a %far|%farms|%t [ NX|XX|GT|LT ] [ gt|bogus ]
EXPIRE|PEXPIRE|EXPIREAT|PEXPIREAT $a 4102444800|4102444801|4102444700|100000000 NX|XX|GT|LT|GT|LT
RENAME|RENAMENX $a $a
COPY $a $a [ DB %n ] [ REPLACE ]
MOVE $a 0|1|2|16|-1
SETBIT $k %n|%i 0|1|2
GETBIT $k %n|%i
BITCOUNT $k [ %n|%i %n|%i [ BYTE|BIT|bogus ] ]
BITPOS $k 0|1|2 [ %n|%i [ %n|%i [ BYTE|BIT|bogus ] ] ]
BITOP AND|OR|XOR|NOT|and $K $K [ $K ] [ $K ]
BITOP NOT $K $a
BITFIELD|BITFIELD_RO $K ( GET %type %at )
BITFIELD $K ( [ OVERFLOW WRAP|SAT|FAIL|bogus ] SET|INCRBY %type %at %v )
BITFIELD $K OVERFLOW WRAP|SAT|FAIL INCRBY u8|i8|i64|u63|u1|i1|i5|u32 0|#0|#1|3 %v GET u8|i64 0 INCRBY i16|u4|i64 #1 %v SET i8|u16 5 %v
PFADD $p [ %m ] [ %m ] [ %m ]
PFCOUNT|PFMERGE $p ( $p )
LPUSH|RPUSH|LPUSHX|RPUSHX $l ( %m )
LPOP|RPOP $l [ %count ]
LRANGE|LTRIM $l %n|%i %n|%i
LSET|LINDEX $l %n|%i [ %m ]
LINSERT $l BEFORE|AFTER|before|bogus %m %m
LREM $l %n|%i %m
LPOS $l %m [ RANK %count ] [ COUNT %count ] [ MAXLEN %count ]
LMOVE $l $l LEFT|RIGHT LEFT|RIGHT
RPOPLPUSH $l $l
LMPOP #( $l ) LEFT|RIGHT [ COUNT %count ]
LMPOP %i $l $l LEFT|RIGHT [ COUNT %n ]
SORT|SORT_RO $l [ LIMIT %n %n ] [ ASC|DESC ] [ ALPHA ]
SORT|SORT_RO $l|$z|$s [ BY k*|h*->a|nosort|*|#|k0|->|*->a|*-> ] [ GET #|k*|h*->a|*|->|*->|nosort ] [ GET # ]
SORT $l BY nosort [ DESC ] STORE $l
SADD|SREM|SMISMEMBER $s ( %m )
SADD $s %number [ 1 ] [ 2 ]
SMOVE $s $s %m
SUNIONSTORE|SINTERSTORE|SDIFFSTORE $s $s [ $s ]
SUNION|SINTER|SDIFF $s [ $s ] [ $s ]
SINTERCARD #( $s ) [ LIMIT %count ]
SINTERCARD %i $s $s [ LIMIT %n ]
HSET|HMSET $h ( %m %text )
HSETNX $h %m %text
HINCRBY $h %m %i
HINCRBYFLOAT $h %m %f
HDEL|HMGET $h ( %m )
HSTRLEN|HGET|HEXISTS $h %m
HEXPIRE|HEXPIREAT $h %far [ NX|XX|GT|LT ] FIELDS #( %m )
HPEXPIRE|HPEXPIREAT $h %farms [ NX|XX|GT|LT ] FIELDS #( %m )
HPEXPIREAT $h 4102444800000|4102444700000|4102444900000|1 NX|XX|GT|LT|GT|LT FIELDS #( %m )
HEXPIRE|HPEXPIRE|HEXPIREAT|HPEXPIREAT $h 100000|4102444800 [ NX|XX|bogus ] [ GT ] FIELDS|fields|bogus %n %m [ %m ]
HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST $h FIELDS #( %m )
HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST $h FIELDS|fields|bogus %i %m [ %m ]
HGETDEL $h FIELDS #( %m )
HGETDEL $h FIELDS|bogus %n %m [ %m ]
HGETEX $h [ EX|PX|EXAT|PXAT %far | PERSIST ] FIELDS #( %m )
HGETEX $h [ EX|PXAT ] [ %farms ] [ PERSIST ] FIELDS %n %m [ %m ]
HSETEX $h [ FNX|FXX ] [ EX|PX|EXAT|PXAT %far | KEEPTTL ] FIELDS #( %m %text )
HSETEX $h [ FNX|FXX|KEEPTTL ] [ EX|PX|EXAT|PXAT %farms ] [ KEEPTTL ] FIELDS %n %m %text [ %m ] [ %text ]
ZADD $z [ NX|XX ] [ GT|LT ] [ CH ] ( %f %m )
ZADD $z [ NX|XX|GT|LT ] [ NX|XX|GT|LT ] [ CH ] INCR %f %m [ %f ] [ %m ]
ZADD $z ( %n %m )
ZADD $w ( 1 %m )
ZINCRBY $z %f %m
ZRANGE $z %n %n [ REV ] [ LIMIT %n %n ] [ WITHSCORES ]
ZRANGE $z %score %score BYSCORE [ REV ] [ LIMIT %n|%i %n|%i ] [ WITHSCORES ]
ZRANGE $w %lex %lex BYLEX [ REV ] [ LIMIT %n %n ] [ WITHSCORES ]
ZRANGESTORE $z $z %n %n [ REV ] [ LIMIT %n %n ] [ WITHSCORES ]
ZRANGESTORE $z $z %score %score BYSCORE [ REV ] [ LIMIT %n %n ]
ZRANGESTORE $w $w %lex %lex BYLEX [ REV ] [ LIMIT %n %n ]
ZRANGEBYSCORE|ZREVRANGEBYSCORE $z %score %score [ WITHSCORES ] [ LIMIT %n %n|%i ]
ZRANGEBYLEX|ZREVRANGEBYLEX $w %lex %lex [ LIMIT %n %n ]
ZREVRANGE|ZRANGE $z %i %i [ WITHSCORES ]
ZCOUNT|ZREMRANGEBYSCORE $z %score %score
ZLEXCOUNT|ZREMRANGEBYLEX $w %lex %lex
ZREMRANGEBYRANK $z %n %n
ZRANK|ZREVRANK $z %m [ WITHSCORE|WITHSCORES ]
ZPOPMIN|ZPOPMAX $z [ %count ]
ZMPOP #( $z ) MIN|MAX [ COUNT %count ]
ZUNION|ZINTER #( $z|$s ) [ WEIGHTS %f ] [ WEIGHTS %f %f ] [ AGGREGATE SUM|MIN|MAX|bogus ] [ WITHSCORES ]
ZUNION|ZINTER 2 $z $z|$s [ WEIGHTS %f %f ] [ AGGREGATE SUM|MIN|MAX ] WITHSCORES
ZUNIONSTORE|ZINTERSTORE $z 2 $z|$s $z|$s [ WEIGHTS %f %f ] [ AGGREGATE SUM|MIN|MAX|sum ]
ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE $z %i $z $z
ZDIFF #( $z|$s ) [ WITHSCORES ]
ZDIFFSTORE $z #( $z|$s )
ZINTERCARD #( $z|$s ) [ LIMIT %count ]
ZMSCORE $z ( %m )
GEOADD $g [ NX|XX ] [ CH ] ( %lon %lat %m )
GEOADD $g 180 85.05112878 a -180 -85.05112878 b 179.99 0 c -179.99 0.01 d
GEODIST $g %m %m [ %unit ]
GEOPOS|GEOHASH $g [ %m ] [ %m ]
GEOSEARCH $g FROMLONLAT %lon %lat BYRADIUS %r %unit ASC|DESC [ COUNT %n [ ANY ] ] [ WITHCOORD ] [ WITHDIST ] [ WITHHASH ]
GEOSEARCH $g FROMMEMBER %m BYBOX %r %r %unit ASC|DESC [ WITHDIST ] [ COUNT %count ]
GEOSEARCH $g [ FROMMEMBER %m ] [ FROMLONLAT %lon %lat ] [ BYRADIUS %r %unit ] [ BYBOX %r %r %unit ] [ ANY ] [ ASC ] [ STOREDIST ]
GEOSEARCHSTORE $g $g FROMLONLAT|fromlonlat %lon %lat BYRADIUS|BYBOX %r [ %r ] %unit [ ASC ] [ STOREDIST ] [ COUNT 2 ]
GEORADIUS $g %lon %lat %r %unit [ WITHDIST ] [ WITHCOORD ] [ WITHHASH ] [ COUNT %n ] ASC|DESC [ STORE|STOREDIST $g ]
GEORADIUSBYMEMBER $g %m %r %unit [ WITHDIST ] [ COUNT %n [ ANY ] ] ASC|DESC [ STORE|STOREDIST $g ]
GEORADIUS_RO|GEORADIUSBYMEMBER_RO $g %lon [ %lat ] %r %unit ASC [ STORE $g ]
XADD $x [ NOMKSTREAM ] [ MAXLEN|MINID [ =|~ ] %n|%id [ LIMIT %n ] ] %id|%edge|8-*|9-* ( %m %text )
XADD $x 10-*|11-*|12-* a b
XTRIM $x MAXLEN|MINID [ =|~ ] %n|%id [ LIMIT %n ]
XDEL $x ( %id )
XLEN $x
XRANGE|XREVRANGE $x %id|%edge %id|%edge [ COUNT %n|%count ]
XREAD [ COUNT %n ] STREAMS $x [ $x ] %id|%edge [ %id|+ ]
XREAD [ COUNT %count ] STREAMS $x $x %id|+ %id|+
XGROUP CREATE $x %g %id|$|- [ MKSTREAM ] [ ENTRIESREAD %n|%i ]
XGROUP SETID $x %g %id|$ [ ENTRIESREAD %n ]
XGROUP DESTROY $x %g
XGROUP CREATECONSUMER|DELCONSUMER $x %g %c
XREADGROUP GROUP %g %c [ COUNT %n ] [ NOACK ] STREAMS $x [ $x ] >|%id|$|+ [ >|0 ]
XREADGROUP GROUP g %c [ COUNT 2 ] STREAMS $x >
XREADGROUP GROUP g %c STREAMS $x 0
XACK $x %g ( %id )
XCLAIM $x %g %c 0|-1|10000000|x %id [ %id ] [ IDLE %n ] [ TIME %n ] [ RETRYCOUNT %n ] [ FORCE ] [ JUSTID ] [ LASTID %id ]
XAUTOCLAIM $x %g %c 0|10000000|-1 %id|%edge [ COUNT %n|%count ] [ JUSTID ]
XPENDING $x %g [ [ IDLE 0|100000000 ] %id|%edge %id|%edge %n [ %c ] ]
XSETID $x %id|99-0 [ ENTRIESADDED %n ] [ MAXDELETEDID %id ]
XINFO STREAM $x [ FULL [ COUNT %n ] ]
XINFO GROUPS $x
XINFO CONSUMERS $x %g
CONFIG SET stream-node-max-entries 0|1|2|3|10|100
CONFIG SET stream-node-max-bytes 0|32|100|4096
CONFIG SET maxmemory-policy allkeys-lfu|noeviction|noeviction|noeviction|volatile-lru
CONFIG SET hll-sparse-max-bytes 0|3000|40|16001
CONFIG SET list-compress-depth 0|1|2
CONFIG GET %glob [ %glob ]
OBJECT ENCODING|REFCOUNT|FREQ|IDLETIME $a
ACL SETUSER u ( %rule )
ACL DRYRUN u get|set|mset|del|copy|lmove|sort|zunionstore|xread|eval|config|xinfo|object|getdel|sintercard $a [ $a ] [ $a ]
ACL DRYRUN u %call
ACL GETUSER|LIST u
COMMAND GETKEYS|GETKEYSANDFLAGS %call
COMMAND GETKEYS|GETKEYSANDFLAGS sort|zunionstore|eval|xread|xreadgroup|migrate|georadius|zdiff|lmpop|blmpop|sintercard|bitfield|set|memory|object|xgroup|fcall|evalsha_ro|pfcount|mset|zmpop|bzmpop|sort_ro ( %key|1|2|0|STREAMS|STORE|-1|KEYS|usage|encoding|create|GROUP|GET|get )
DUMP $a
RESTORE $a 0|100000000|-1|x \\x00\\x01a\\x0b\\x00 [ REPLACE ]
SCAN 0 [ COUNT 0|-1|x|1000 ] [ TYPE string|bogus|LIST ] [ MATCH *|nosuch ]
SETRANGE|APPEND $k 1 %text
EVAL return\\x20redis.call(unpack(ARGV)) 0 %call
DBSIZE
COMMAND GETKEYS|GETKEYSANDFLAGS %careless
RPUSH $l ( 0|1|2 )
SADD $s ( 0|1|2 )
ZADD $z ( %n 0|1|2 )
HSET $h ( a|f %number )
SORT|SORT_RO $l|$z|$s BY k*|h*->a|h*->f|l* [ LIMIT %n %n ] [ ASC|DESC ] [ ALPHA ] [ GET #|k*|h*->a|h*->f ] [ GET #|h*->nofield ]
SORT $l|$z BY k*|h*->f|nosort [ DESC ] [ GET #|k*|h*->f ] STORE $l
EVAL redis.setresp(3);local\x20r=redis.pcall(unpack(ARGV));if\x20type(r)=='table'\x20then\x20return\x20r.map\x20or\x20r.set\x20or\x20r.double\x20or\x20r.big_number\x20or\x20r\x20end;return\x20r 0 %call
EVAL redis.setresp(3);local\x20r=redis.pcall(unpack(ARGV));return\x20{type(r),type(r)=='table'\x20and\x20#r\x20or\x20tostring(r)} 0 %call
EVAL redis.setresp(2);local\x20r=redis.pcall(unpack(ARGV));return\x20{type(r),type(r)=='table'\x20and\x20(r.err\x20or\x20r.ok\x20or\x20#r)\x20or\x20tostring(r)} 0 %call
CLIENT KILL ( ID|USER|ADDR|LADDR|TYPE|SKIPME|MAXAGE|skipme|bogus 99999999|0|-1|x|normal|pubsub|master|slave|replica|yes|no|default|nosuch|127.0.0.1:1 ) ID 99999999
CLIENT LIST TYPE|ID normal|pubsub|bogus|99999999|0|-1|x [ 99999999 ]
XREADGROUP GROUP g %c COUNT 2 [ NOACK ] STREAMS $x $x > >
XAUTOCLAIM $x g %c 0 0|0-0|(1-1|- COUNT 1|2|100 [ JUSTID ]
XPENDING $x g [ IDLE 0 ] -|(1-1|1-1 +|(9-9 1|10 [ %c ]
BITFIELD $K ( OVERFLOW WRAP|SAT|FAIL INCRBY|SET u1|i1|u7|i8|u63|i64|i33 0|#1|#0|5|63 %v )
HPEXPIREAT $h 4102444800000|4102444700000|1|0 [ NX|XX|GT|LT ] FIELDS #( a|f|b )
"""

# What waits, and what ends the wait or makes it pointless.
WAITS = """
BLPOP|BRPOP $l [ $l ] 0
BLMOVE $l $l LEFT|RIGHT LEFT|RIGHT 0
BRPOPLPUSH $l $l 0
BLMPOP 0 #( $l ) LEFT|RIGHT [ COUNT 1|2|10 ]
BZPOPMIN|BZPOPMAX $z [ $z ] 0
BZMPOP 0 #( $z ) MIN|MAX [ COUNT 1|2|10 ]
XREAD [ COUNT 1 ] BLOCK 0 STREAMS $x $x $|0|+|5-0 $|99-0
XREADGROUP GROUP g c|d [ COUNT 1 ] BLOCK 0 [ NOACK ] STREAMS $x >
"""
WAKES = """
RPUSH|LPUSH $l ( %m )
LPUSHX|RPUSHX $l a
LINSERT $l BEFORE a b
RENAME|RENAMENX $a|$l|$z|$x $l|$z|$x
COPY $a|$l|$z|$x $l|$z|$x [ REPLACE ]
COPY $l|$z|$x $l|$z|$x DB 1 [ REPLACE ]
MOVE $l|$z|$x 1
SELECT 0|1
SWAPDB 0 1
SORT $s|$l ALPHA STORE $l
SORT $z BY nosort STORE $l
LMOVE|lmove $l $l LEFT|RIGHT LEFT|RIGHT
RPOPLPUSH $l $l
ZADD $z ( %n %m )
ZADD $z NX|XX|GT 1 %m
ZINCRBY $z 1 %m
ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE $z 1 $z|$s
ZRANGESTORE $z $z 0 -1
GEORADIUSBYMEMBER $g %m 1 km STORE $z
GEOADD $z 1 2 a
XADD $x 90-* f v
XADD $x [ MAXLEN 1 ] %id f v
XDEL $x %id
XTRIM $x MAXLEN 0
XSETID $x 99-1
XGROUP CREATE $x g 0|$ [ MKSTREAM ]
XGROUP DESTROY $x g
XGROUP SETID $x g 0|$
DEL|UNLINK $l|$z|$x
SET $l|$z|$x v
SADD $s %m
RESTORE $l 0 \\x12\\x01\\x02\\x0b\\x0b\\x00\\x00\\x00\\x02\\x00\\x81a\\x02\\x01\\x01\\xff\\x0c\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00 [ REPLACE ]
EXPIRE $l|$z|$x 0|-1|100000
FLUSHDB|FLUSHALL
MULTI
EXEC
DISCARD
EVAL redis.call('rpush',KEYS[1],'a');return\\x20redis.call('lpop',KEYS[1]) 1 $l
EVAL redis.call('rpush',KEYS[1],'a','b');redis.call('del',KEYS[1]);redis.call('rpush',KEYS[1],'c') 1 $l
LPOP|RPOP $l
LREM $l 0 a
ZPOPMIN $z
LMPOP 1 $l LEFT
ZREM $z %m
"""


def named(words):
    """A call with its name, as in COMMAND DOCS."""
    name = words[0].lower()
    if name in ("xgroup", "xinfo", "config", "object", "acl", "command", "client") and len(words) > 1:
        name += "|" + words[1].lower()
    if name == "eval":
        name += ":" + (words[3].lower() if words[2] == "0" and len(words) > 3 else "")
    return name, words


def huge(dice):
    """Calls that make a value of a hundred thousand members, look at it all over, change it, and give it up."""
    n, at = 100_000, [str(dice.randrange(-110_000, 110_000)) for _ in range(6)]
    many = [f"m{i}" if i % 3 else str(i) for i in range(n)]
    kind = dice.choice("lshzx")
    make, calls = {
        "l": (["RPUSH", "l0", *many], [["LRANGE", "l0", at[0], at[1]], ["LINDEX", "l0", at[2]], ["LINSERT", "l0", "AFTER", "m" + at[3].lstrip("-"), "new"], ["LSET", "l0", at[4], "set"], ["LREM", "l0", at[5], "m50000"], ["LPOS", "l0", "set", "RANK", "-1"],
                                        ["LTRIM", "l0", at[0], at[3]], ["LPOP", "l0", "20000"], ["RPOP", "l0", "3"], ["LMOVE", "l0", "l1", "LEFT", "RIGHT"], ["COPY", "l0", "l1", "REPLACE"], ["LLEN", "l1"], ["DEBUG", "DIGEST-VALUE", "l0", "l1"]]),
        "s": (["SADD", "s0", *many], [["SCARD", "s0"], ["SISMEMBER", "s0", at[0]], ["SREM", "s0", *many[:60_000]], ["SADD", "s1", *many[50_000:70_000]], ["SINTERCARD", "2", "s0", "s1", "LIMIT", at[1].lstrip("-")], ["SDIFFSTORE", "s2", "s0", "s1"], ["SUNIONSTORE", "s1", "s1", "s0"],
                                       ["SMOVE", "s0", "s2", "m99998"], ["DEBUG", "DIGEST-VALUE", "s0", "s1", "s2"], ["SRANDMEMBER", "s0", "-1000"], ["SORT", "s1", "BY", "nosort", "LIMIT", "0", "0"]]),
        "h": (["HSET", "h0", *(word for one in many for word in (one, one))], [["HLEN", "h0"], ["HDEL", "h0", *many[:70_000]], ["HGET", "h0", "m99998"], ["HPEXPIREAT", "h0", "4102444800000", "FIELDS", "20000", *many[70_000:90_000]], ["HPERSIST", "h0", "FIELDS", "10000", *many[80_000:90_000]],
                                                                             ["HINCRBY", "h0", "99999", "1"], ["COPY", "h0", "h1", "REPLACE"], ["DEBUG", "DIGEST-VALUE", "h0", "h1"]]),
        "z": (["ZADD", "z0", *(word for i, one in enumerate(many) for word in (str(i % 5000 / 4), one))], [["ZRANGE", "z0", at[0], at[1], "WITHSCORES"], ["ZRANK", "z0", "m40000"], ["ZREVRANK", "z0", "m70000", "WITHSCORE"], ["ZCOUNT", "z0", "(10", "1000.5"], ["ZREMRANGEBYRANK", "z0", at[2], at[3]],
                                                                                                       ["ZREMRANGEBYSCORE", "z0", "(100", "200"], ["ZRANGEBYSCORE", "z0", "300", "+inf", "LIMIT", at[4].lstrip("-"), "20"], ["ZRANGE", "z0", "900", "-inf", "BYSCORE", "REV", "LIMIT", "5000", "10"], ["ZPOPMAX", "z0", "500"],
                                                                                                       ["ZRANGESTORE", "z1", "z0", at[1], at[5]], ["ZUNIONSTORE", "z2", "2", "z0", "z1", "WEIGHTS", "1", "-0.5"], ["ZINTERCARD", "2", "z0", "z2", "LIMIT", "70"], ["DEBUG", "DIGEST-VALUE", "z0", "z1", "z2"]]),
        "x": (["EVAL", "for i = 1, 20000 do redis.call('XADD', KEYS[1], i .. '-1', 'f' .. i % 7, i) end", "1", "x0"], [["XLEN", "x0"], ["XRANGE", "x0", "5000", "5100"], ["XREVRANGE", "x0", "+", "-", "COUNT", "30"], ["XTRIM", "x0", "MAXLEN", "~", "9000"], ["XTRIM", "x0", "MINID", "=", "15001"], ["XDEL", "x0", "16000-1", "16001-1", "1-1"],
                                                                                                                  ["XGROUP", "CREATE", "x0", "big", "0"], ["XREADGROUP", "GROUP", "big", "c", "COUNT", "2000", "STREAMS", "x0", ">"], ["XPENDING", "x0", "big"], ["XACK", "x0", "big", *(f"{i}-1" for i in range(15000, 16500))], ["XINFO", "STREAM", "x0"]]),
    }[kind]
    dice.shuffle(calls)
    return [["DEL", "l0", "s0", "h0", "z0", "x0"], make, *calls, ["DEL", *(kind + str(i) for i in range(3))]]


class Edges:
    """Draws such calls; what is called within another by `generator`."""

    def __init__(self, generator, dice):
        self.dice, self.generator = dice, generator
        self.templates, self.waits, self.wakes = ([parsed(line) for line in text.strip().splitlines()] for text in (TEMPLATES, WAITS, WAKES))

    def step(self):
        """A step of a round: mostly calls one after another; sometimes ones that wait while others act on their keys, or ones on
        a value of a hundred thousand members."""
        dice, luck = self.dice, self.dice.random()
        if luck < 0.004:
            return ("chunk", "a", [named(words) for words in huge(dice)])
        if luck < 0.15:
            waiting = [(link, self.call(dice.choice(self.waits))) for link in "bcd"[:dice.choice([1, 2, 3])]]
            return ("blocked", waiting, [self.call(dice.choice(self.wakes)) for _ in range(dice.choice([1, 2, 3, 6]))])
        return ("chunk", "a", [self.call() for _ in range(dice.choice([5, 20, 40]))])

    def call(self, template=None):
        """A call: its name, and its words."""
        words = []
        self.fill(template or self.dice.choice(self.templates), words)
        return named(words)

    def fill(self, items, words):
        dice = self.dice
        for kind, item in items:
            if kind == "one":
                self.word(dice.choice(item), words)
            elif kind == "maybe" and dice.random() < 0.35:
                self.fill(dice.choice(item), words)
            elif kind == "many":
                for _ in range(dice.choice([1, 1, 2, 3])):
                    self.fill(item, words)
            elif kind == "counted":
                number = dice.choice([1, 2, 2, 3])
                words.append(str(number))
                for _ in range(number):
                    self.fill(item, words)

    def word(self, word, words):
        dice = self.dice
        if word == "%careless":
            words += self.generator.odd.careless()[1]
        elif word == "%call":
            name, call = self.generator.call()
            while name in RANDOM | SCANS or self.generator.docs[name]["group"] in ("server", "connection", "pubsub", "scripting", "transactions") or "*" in call and name == "xadd":
                name, call = self.generator.call()
            words += call
        elif word[0] == "%" and len(word) > 1:
            words.append(dice.choice(WORDS[word[1:]]))
        elif word[0] == "$" and len(word) > 1:
            family = dice.choice("klshzx" if word == "$a" else word[1].lower())
            if word == "$k" and dice.random() < 0.03:
                family = dice.choice("lshzx")
            words.append(family + dice.choice("001"))
        else:
            words.append(word)


def parsed(line):
    """A template as a list of (kind, what it holds)."""
    tokens, at = line.split(" "), 0

    def some(end):
        nonlocal at
        branches, items = [], []
        while at < len(tokens) and tokens[at] != end:
            token = tokens[at]
            at += 1
            if token == "[":
                items.append(("maybe", some("]")))
            elif token in ("(", "#("):
                items.append(("many" if token == "(" else "counted", some(")")[0]))
            elif token == "|":
                branches.append(items)
                items = []
            else:
                word = token.encode().decode("unicode_escape")
                items.append(("one", word.split("|")))
        at += 1
        return [*branches, items]

    return some(None)[0]
