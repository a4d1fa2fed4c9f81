"""Draws scripts: small ones, right and wrong, around what passes between Lua and the server and around the libraries' edges."""

NUMBERS = ["0", "1", "-1", "3", "2.5", "-0", "1e15", "1e16", "1e100", "2^31", "2^32", "2^53", "2^53+1", "2^63", "-2^63", "0/0", "1/0", "-1/0", "0x10", "3.99999999999",
           "-2.5", "123456789012345678", "0.1", "1e-7", "255", "256", "65535", "1e308*10", "4294967295", "-129", "-32769"]
STRINGS = ["''", "'a'", "'hello'", "'1'", "'10'", "' 1'", "'0x10'", "'1e3'", "'nan'", "'inf'", "'\\0a\\0'", "'\\255\\254'", "'a\\r\\nb'", "'%s'", "'\"q\\\\'", "'\\127'",
           "('x'):rep(70)", "KEYS[1]", "ARGV[1]", "ARGV[2]", "ARGV[9]", "[[long\nline]]", "'\\195\\164'"]
OTHERS = ["nil", "true", "false", "{}", "function() end", "print", "tostring", "cjson.null", "KEYS", "ARGV", "math.huge", "undefined", "pcall", "redis.call"]
TABLES = ["{%s}", "{%s, %s}", "{%s, nil, %s}", "{nil, %s}", "{[1]=%s, [3]=%s}", "{[0]=%s}", "{[1.5]=%s}", "{[-1]=%s}", "{a=%s}", "{ok=%s}", "{err=%s}", "{double=%s}", "{map=%s}", "{set=%s}",
          "{big_number=%s}", "{verbatim_string=%s}", "{verbatim_string={format=%s, string=%s}}", "{map={a=%s}}", "{map={[%s]=1}}", "{set={a=%s}}", "{set={[%s]=true}}", "{double={%s}}",
          "{{%s}, {{%s}}}", "{%s, n=%s}", "{ok=%s, err=%s}", "{err=%s, source='s', line='1'}", "{err=%s, ignore_error_stats_update=true}", "{[%s]=1}", "{[2]=%s, [4]=%s}",
          "setmetatable({%s}, {__index=function() return 1 end})", "setmetatable({}, {__tostring=function() return 'T' end, x=%s})"]
CALLS = [
    "cjson.encode(%s)", "cjson.encode({%s, %s})", "cjson.encode({[%s]=%s})", "cjson.decode(%s)", "cjson.decode(cjson.encode(%s))", "cjson.encode(cjson.decode(%j))", "cjson.decode(%j)",
    "cjson.encode(1, 2)", "cjson.encode()", "cjson.decode()", "cjson.encode_sparse_array(%s)", "cjson.encode_max_depth(%s)", "cjson.decode_max_depth(%s)", "cjson.encode_number_precision(%s)",
    "cjson.encode_keep_buffer(%s)", "cjson.encode_invalid_numbers(%s)", "cjson.decode_invalid_numbers(%s)", "cjson._NAME", "cjson._VERSION", "cjson.new()",
    "cmsgpack.pack(%s)", "cmsgpack.pack(%s, %s)", "cmsgpack.pack()", "cmsgpack.unpack(cmsgpack.pack(%s))", "cmsgpack.unpack(cmsgpack.pack(%s, %s))", "cmsgpack.unpack(%s)", "cmsgpack.unpack(%m)",
    "cmsgpack.unpack_one(%m, %s)", "cmsgpack.unpack_limit(%m, %s, %s)", "cmsgpack.unpack_one(cmsgpack.pack(%s, %s))", "cmsgpack.unpack_limit(cmsgpack.pack(%s, %s), 1, %s)", "cmsgpack._VERSION",
    "cmsgpack.unpack_limit(cmsgpack.pack(1, 2, 3), 2)",
    "struct.pack(%f, %s)", "struct.pack(%f, %s, %s)", "struct.unpack(%f, %s)", "struct.unpack(%f, struct.pack(%f, %s, %s))", "struct.size(%f)", "struct.pack()", "struct.unpack(%f, %s, %s)", "struct.pack(%s)",
    "bit.tobit(%s)", "bit.tohex(%s)", "bit.tohex(%s, %s)", "bit.bnot(%s)", "bit.band(%s, %s)", "bit.bor(%s, %s, %s)", "bit.bxor(%s)", "bit.lshift(%s, %s)", "bit.rshift(%s, %s)", "bit.arshift(%s, %s)",
    "bit.rol(%s, %s)", "bit.ror(%s, %s)", "bit.bswap(%s)", "bit.band()", "bit.lshift(1)",
    "tostring(%s)", "tonumber(%s)", "tonumber(%s, %s)", "type(%s)", "select(%s, %s, %s)", "select('#', %s, %s)", "unpack({%s, %s})", "unpack(%s)", "unpack({1,2,3}, %s, %s)", "next({%s})", "next(%s)", "next({}, %s)",
    "rawequal(%s, %s)", "rawget({%s}, %s)", "rawset({}, %s, %s)", "rawset(%s, 'a', 1)", "getmetatable(%s)", "setmetatable(%s, %s)", "pcall(%s)", "pcall()", "pcall(error, %s)", "pcall(error)",
    "pcall(redis.call, %s)", "pcall(function() return %s end)", "pcall(function() error(%s, %s) end)", "xpcall(function() error(%s) end, tostring)", "xpcall(%s, %s)", "xpcall()", "error(%s)", "error(%s, %s)", "error()",
    "assert(%s)", "assert(%s, %s)", "assert()", "assert(false, %s)", "loadstring(%s)", "loadstring('return ' .. %s)()", "load(%s)", "ipairs(%s)", "pairs(%s)", "tostring()", "tonumber()", "type()", "unpack()", "select()",
    "collectgarbage('count') > 0", "collectgarbage(%s)", "dofile", "require", "module", "getfenv", "newproxy", "gcinfo", "print(%s)", "os.time", "os.clock() >= 0", "os.getenv", "io",
    "string.format(%p, %s)", "string.format(%p, %s, %s)", "string.rep(%s, 3)", "string.rep('ab', %s % 100)", "string.sub('hello', %s, %s)", "string.byte(%s, %s)", "string.char(%s)", "string.char(%s, %s)", "string.len(%s)",
    "string.upper(%s)", "string.reverse(%s)", "string.find(%s, %l)", "string.find('hello world', %l, %s)", "string.match('k=v; a1 [x]', %l)", "string.gsub('hello', %l, %s)", "string.gsub('hello', 'l', %s, %s)",
    "string.gsub('abc', %l, '%%1')", "string.gmatch('a b', %l)()", "string.gmatch('a b', %l)", "string.dump(%s)", "string.find('a.b', '.', 1, %s)", "('x'):rep(3, %s)", "#%s", "(%s):upper()",
    "table.concat({%s, %s})", "table.concat({%s, %s}, %s)", "table.concat({1,2,3}, ',', %s, %s)", "table.getn({%s})", "table.maxn({%s, %s})", "table.insert({%s}, %s)", "table.insert({}, %s, %s)", "table.remove({%s, %s})",
    "table.remove({1,2}, %s)", "table.sort({%s, %s})", "table.sort({3,1,2}, %s)", "table.unpack", "table.foreach({%s}, tostring)",
    "math.floor(%s)", "math.max(%s, %s)", "math.max()", "math.min(%s)", "math.fmod(%s, %s)", "math.abs(%s)", "math.sqrt(%s)", "math.pow(%s, %s)", "math.modf(%s)", "math.frexp(%s)", "math.ldexp(%s, %s)", "math.log10(%s)",
    "math.randomseed(%s)", "math.random(%s, %s)", "math.random(%s)", "math.pi", "math.ceil(%s)", "math.exp(1)", "math.log(%s)", "math.mod",
    "%s + %s", "%s .. %s", "%s < %s", "%s == %s", "%s % %s", "-%s", "not %s", "%s and %s", "%s ^ %s", "%s()", "%s.x", "%s.x.y", "%s[%s]", "%s:foo()",
    "coroutine.create(%s)", "coroutine.wrap(function() coroutine.yield(%s) end)()", "coroutine.status(%s)", "coroutine.running()", "coroutine.yield(%s)", "coroutine.resume(coroutine.create(function() return %s end))",
    "coroutine.wrap(function() return redis.call('GET', 'k0') end)()", "coroutine.wrap(function() error(%s) end)()",
    "redis.call()", "redis.pcall()", "redis.call(%s)", "redis.pcall(%s)", "redis.call(%s, %s)", "redis.call('nosuch', %s)", "redis.pcall('nosuch')", "redis.call('GET')", "redis.pcall('GET', %s)", "redis.call('SET', 'k0', %s)",
    "redis.call('GET', 'k0')", "redis.call('SET', %s, %s)", "redis.pcall('LPUSH', 'k0', %s)", "redis.call('LRANGE', 'l0', 0, %s)", "redis.call('HGETALL', 'h0')", "redis.call('HGET', 'h0', %s)", "redis.call('INCRBY', 'k1', %s)",
    "redis.call('ZADD', 'z0', %s, %s)", "redis.call('ZRANGE', 'z0', 0, -1, 'WITHSCORES')", "redis.call('ZSCORE', 'z0', %s)", "redis.call('INCRBYFLOAT', 'k1', %s)", "redis.call('PING', %s)", "redis.call('ECHO', %s)",
    "redis.call('ZMSCORE', 'z0', 'a', %s)", "redis.call('SMEMBERS', 's1')", "redis.call('SISMEMBER', 's1', %s)", "redis.call('EXISTS', %s)", "redis.call('TYPE', %s)", "redis.call('CONFIG', 'GET', 'maxmemory')",
    "redis.call('SELECT', %s)", "redis.call('MULTI')", "redis.call('EVAL', 'return 1', 0)", "redis.call('SUBSCRIBE', 'c')", "redis.call('BLPOP', 'l9', 0)", "redis.call('WATCH', 'k0')", "redis.call('HELLO', 3)", "redis.call('CLIENT', 'ID')",
    "redis.call('XRANGE', 'x0', '-', %s)", "redis.call('DEBUG', 'PROTOCOL', %d)", "redis.call('AUTH', %s)", "redis.call('SHUTDOWN')", "redis.call('RESET')",
    "redis.call('COMMAND', 'COUNT') > 0", "redis.call('get', 'k0', 'x')", "redis.call('LPOS', 'l0', %s)", "redis.call('GEOPOS', 'g0', %s)", "redis.call('SPUBLISH', 'c', %s)", "redis.call('PUBLISH', 'c', %s)", "redis.call('EXISTS', %s)",
    "redis.error_reply(%s)", "redis.error_reply()", "redis.error_reply(%s, %s)", "redis.error_reply('-%s')", "redis.error_reply('ERR x')", "redis.error_reply('My Err')", "redis.error_reply('-ERR  a\\r\\nb')", "redis.status_reply(%s)",
    "redis.status_reply()", "redis.status_reply('a\\nb')", "redis.sha1hex(%s)", "redis.sha1hex()", "redis.sha1hex(%s, %s)", "redis.log(%s)", "redis.log()", "redis.log(%s, %s)", "redis.log(redis.LOG_DEBUG, %s)", "redis.setresp(%s)",
    "redis.setresp()", "redis.setresp(2, 3)", "redis.replicate_commands()", "redis.set_repl(%s)", "redis.set_repl(redis.REPL_ALL)", "redis.set_repl()", "redis.breakpoint()", "redis.debug(%s)", "redis.acl_check_cmd(%s)",
    "redis.acl_check_cmd('GET', %s)", "redis.acl_check_cmd()", "redis.acl_check_cmd('SET')", "redis.register_function('f', %s)", "redis.REPL_NONE", "redis.REPL_AOF", "redis.REPL_REPLICA", "redis.LOG_WARNING", "redis.nosuch", "redis.nosuch()",
    "redis.REDIS_VERSION_NUM > 0", "type(redis.REDIS_VERSION)", "#KEYS", "#ARGV", "KEYS[%s]", "ARGV[%s]", "_VERSION", "jit", "debug", "package", "math.randomseed",
]
STATEMENTS = ["x = %s", "local x = %s", "redis.call('SET', 'k0', %s)", "redis.setresp(3)", "redis.setresp(2)", "KEYS[1] = %s", "KEYS = %s", "redis.foo = %s", "string.foo = %s", "_G.y = %s", "rawset(_G, 'y', %s)", "setmetatable(_G, %s)",
              "for i = 1, 3 do local z = %s end", "if %s then return %s end", "local t = {}; t[%s] = %s", "redis.pcall('INCR', 'l0')", "local function f(a) return %s end; f(1)", "local f = function(...) return select(%s, ...) end; f(1, 2)",
              "for k, v in pairs(%s) do end", "for i, v in ipairs({%s, %s}) do if v == 3 then error(v) end end", "local mt = getmetatable(''); mt.__index = nil", "while true do break end", "repeat local q = %s until true",
              "table.insert(ARGV, %s)", "local ok, e = pcall(function() return redis.call('INCR', 'l0') end); if not ok then return e end", "local ok, e = pcall(redis.call, 'INCR', 'l0'); if not ok then return e.err end",
              "local ok, e = pcall(function() return %s end); if not ok then return tostring(e) end", "local r = redis.pcall('INCR', 'l0'); r.err = %s; return r", "do local a <const> = 1 end", "goto x", "return", "break", "local x = ", "end", "if x", "'", "]]",
              "-- comment", "", "local 1 = 2", "a.b.c = 1", "f(", "function g() end", "local function g() return 1 end"]
JSON = ["'[1,2,3]'", "'[]'", "'{}'", "'{\"a\":1}'", "'{\"a\":[]}'", "'[1,[2,{\"b\":null}]]'", "'null'", "'1e400'", "'-0'", "'0x10'", "'nan'", "'[1,]'", "'{\"a\":}'", "'\"\\\\u00e4\"'", "'\"\\\\ud800\"'", "'\"\\\\ud83d\\\\ude00\"'", "'\"\\\\q\"'",
        "'tru'", "'[1 2]'", "'  1  '", "''", "'\"a'", "'[' .. ('['):rep(1001)", "'1 2'", "'{1:2}'", "'1.5e3'", "'12345678901234567890'", "'{\"a\":1,\"a\":2}'", "'\"\\0\"'", "'\"\\n\"'", "'Infinity'", "'-inf'", "'01'", "'1.'", "'.5'", "'[true,false]'",
        "'{\"1\":2}'", "'\"\\\\/\"'", "'\\239\\187\\191[]'", "'[\"\\255\"]'"]
PACKED = ["'\\192'", "'\\193'", "'\\194\\195'", "'\\129\\161a\\1'", "'\\147\\1\\2\\3'", "'\\147\\1'", "'\\203'", "'\\202\\63\\128\\0\\0'", "'\\204\\255'", "'\\208\\255'", "'\\207\\255\\255\\255\\255\\255\\255\\255\\255'",
          "'\\211\\128\\0\\0\\0\\0\\0\\0\\0'", "'\\217\\1a'", "'\\196\\1a'", "'\\220\\0\\1\\1'", "'\\222\\0\\1\\1\\2'", "'\\221\\255\\255\\255\\255'", "'\\199\\1\\1a'", "'\\1\\2\\3'", "''", "'\\224'", "'\\127'", "'\\165hello'", "'\\219\\0\\0\\0\\1a'"]
FORMATS = ["'b'", "'B'", "'h'", "'>h'", "'<H'", "'i4'", "'I8'", "'l'", "'L'", "'T'", "'f'", "'d'", "'>d'", "'s'", "'c0'", "'c3'", "'c'", "'x'", "'xb'", "'!4bi'", "'!bi'", "'!3i'", "'i3'", "'i33'", "'i0'", "'bb'", "'>I2c0'", "'Bc0'", "' b'", "'q'", "'z'", "''", "'='", "'=h'",
           "'i2147483648'", "'c2147483647'", "'>!8bd'", "'ss'", "'(b)b'", "'!16d'", "'!2d'", "'bxxh'", "'c-1'", "'s4'"]
PRINTS = ["'%d'", "'%5.2f'", "'%s'", "'%q'", "'%x'", "'%c'", "'%g'", "'%e'", "'%i'", "'%u'", "'%o'", "'%%'", "'%'", "'%y'", "'%10s|'", "'%-10s|'", "'%.3s'", "'%123d'", "'%+d'", "'%#x'", "'%05d'", "'%a'", "'%d %d'", "'% d'", "'%.20f'", "'%.99f'", "'%.100f'", "'%-----d'", "'%p'"]
PATTERNS = ["'l'", "'(l)(l)'", "'%a+'", "'%d*'", "'^h'", "'o$'", "'.-'", "'[a-c]+'", "'[^l]'", "'%b()'", "'%f[%w]%w+'", "'('", "')'", "'['", "'%'", "'[%'", "'%1'", "'(%1)'", "'()'", "''", "'(.)%1'", "'%g'", "'%z'", "'[]]'", "'[a-]'", "'x*'", "'%bx'", "'%f'", "'\\0'", "'((((((((((((((((((((((((((((((((('"]
SHEBANGS = ["#!lua\n", "#!lua flags=no-writes\n", "#!lua flags=no-writes,allow-oom\n", "#!lua flags=bogus\n", "#!lua name=x\n", "#!lua flags=\n", "#!foo\n", "#!\n", "#! lua\n", "#!lua", "#!lua flags\n", "#!lua  flags=no-cluster\n",
            "#!lua flags=allow-cross-slot-keys flags=no-writes\n", "#!LUA\n", "#!lua bogus=1\n", "#!lua flags=allow-stale\r\n", "#!lua flags= no-writes\n", "#!lua 'flags=no-writes'\n", "#!lua \"\n"]
FUNCTIONS = ["redis.register_function('f', function(keys, args) %b end)", "redis.register_function{function_name='g', callback=function(keys, args) %b end, flags={%s}}", "redis.register_function{function_name='ro', callback=function() %b end, flags={'no-writes'}}",
             "redis.register_function(%s, %s)", "redis.register_function{%s}", "redis.register_function{function_name=%s, callback=%s}", "redis.register_function{function_name='h', callback=tostring, flags=%s}", "redis.register_function()",
             "redis.register_function('f', tostring, %s)", "redis.register_function{function_name='d', callback=print, description=%s}", "redis.register_function{function_name='d', callback=print, bogus=1}", "local x = %s", "y = %s", "redis.call('GET', 'k0')",
             "redis.setresp(3)", "redis.log(%s, %s)", "error(%s)", "syntax error", "redis.register_function('a-b', function() end)", "redis.register_function('', function() end)", "local t = redis.sha1hex('a')", "math.random()", "redis.pcall('PING')",
             "redis.register_function('f', function(keys, args) return {keys, args} end)", "redis.acl_check_cmd('GET', 'a')", "redis.breakpoint()", "redis.error_reply('x')", "redis.set_repl(1)", "setmetatable(_G, {})", "return %s"]
LIBRARY_HEADS = ["#!lua name=lib\n"] * 8 + ["#!lua name=other\n", "#!lua\n", "#!lua name=\n", "#!lua name=a-b\n", "#!lua name=lib name=lib\n", "#!lua name=lib flags=no-writes\n", "#!js name=lib\n", "", "#!lua name=lib", "#! name=lib\n", "#!lua foo=1 name=lib\n",
                                                "#!LUA name=lib\n", "#!lua name=" + "x" * 70 + "\n", "#!lua engine=lua name=lib\n", "#!lua name='lib'\n", "#!lua NAME=lib\n"]


class Scripts:
    """Scripts by chance."""

    def __init__(self, dice):
        self.dice = dice

    def fill(self, template, depth):
        out, at = [], 0
        while at < len(template):
            two = template[at:at + 2]
            draw = {"%s": self.value, "%j": lambda _: self.dice.choice(JSON), "%m": lambda _: self.dice.choice(PACKED), "%f": lambda _: self.dice.choice(FORMATS),
                    "%p": lambda _: self.dice.choice(PRINTS), "%l": lambda _: self.dice.choice(PATTERNS), "%b": self.body, "%%": lambda _: "%",
                    "%d": lambda _: self.dice.choice(["'string'", "'integer'", "'double'", "'null'", "'array'", "'set'", "'map'", "'bignum'", "'true'", "'false'", "'verbatim'", "'attrib'", "'push'"])}.get(two)
            if draw:
                out.append(draw(depth + 1))
                at += 2
            else:
                out.append(template[at])
                at += 1
        return "".join(out)

    def value(self, depth=0):
        dice, luck = self.dice, self.dice.random()
        if depth < 4 and luck < (0.7, 0.35, 0.25, 0.1)[depth]:
            return self.fill(dice.choice(CALLS), depth)
        if depth < 4 and luck < 0.75 and dice.random() < 0.5:
            return self.fill(dice.choice(TABLES), depth)
        return dice.choice(dice.choice([NUMBERS, STRINGS, OTHERS, NUMBERS]))

    def body(self, depth=0):
        dice = self.dice
        lines = [self.fill(dice.choice(STATEMENTS), 1) for _ in range(dice.choice([0, 0, 0, 1, 1, 2]))]
        lines.append(dice.choice(["return %s", "return %s", "return {%s, %s}", "local r = %s; return r", "return %s, %s", "%s", "local r = {%s}; return #r", "local ok, r = pcall(function() return %s end)\nreturn {ok, r}",
                                  "local ok, r = pcall(function() local v = %s\nreturn v end)\nreturn {ok and 1 or 0, type(r) == 'table' and (r.err or r.ok or '?') or tostring(r)}", "local function f() return %s end\nreturn f()",
                                  "local function f()\nlocal v = %s\nreturn v end\nlocal a = f()\nreturn a", "return tostring(%s)", "return type(%s)", "return cjson.encode(%s)"]))
        lines[-1] = self.fill(lines[-1], depth)
        return dice.choice(["\n", "; ", " "]).join(lines) if len(lines) > 1 else lines[0]

    def call(self):
        """A call of EVAL and its kin: its name and words."""
        dice, luck = self.dice, self.dice.random()
        keys = [dice.choice(["k0", "l0", "h0", "a b", "", "k\x00"]) for _ in range(dice.choice([0, 0, 1, 2]))]
        arguments = [dice.choice(["1", "a", "", "-5", "3.5", "\xff\x00", "foo bar"]) for _ in range(dice.choice([0, 1, 2, 3]))]
        count = str(len(keys)) if dice.random() < 0.97 else dice.choice(["-1", "abc", "99", "", "1.0", " 1", "9223372036854775808"])
        if luck < 0.78:
            head = dice.choice(SHEBANGS) if dice.random() < 0.06 else ""
            return "eval:script", [dice.choice(["EVAL", "EVAL", "EVAL", "EVAL_RO"]), head + self.body(), count, *keys, *arguments]
        if luck < 0.84:
            head = dice.choice(LIBRARY_HEADS)
            text = head + "\n".join(self.fill(dice.choice(FUNCTIONS), 1) for _ in range(dice.choice([0, 1, 1, 2])))
            return "eval:library", ["FUNCTION", "LOAD", *dice.choice([[], ["REPLACE"], ["REPLACE"], ["replace"], ["BOGUS"]]), text]
        if luck < 0.95:
            return "eval:script", [dice.choice(["FCALL", "FCALL_RO"]), dice.choice(["f", "f", "g", "ro", "nosuch", "F", ""]), count, *keys, *arguments]
        return "eval:script", dice.choice([
            ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", count, *keys], ["EVALSHA", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB", "0"], ["EVALSHA", "short", "0"], ["EVALSHA_RO", "f" * 40, "0"], ["EVAL", "return 1"],
            ["SCRIPT", "LOAD", self.body()], ["SCRIPT", "LOAD", "return 1"], ["SCRIPT", "EXISTS", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "x"], ["SCRIPT", "FLUSH", dice.choice(["SYNC", "ASYNC", "bogus", ""])], ["SCRIPT", "EXISTS"],
            ["SCRIPT", "KILL"], ["FUNCTION", "KILL"], ["FUNCTION", "DELETE", dice.choice(["lib", "LIB", "other", "x"])], ["FUNCTION", "FLUSH", dice.choice(["SYNC", "x"])],
            ["FUNCTION", "LIST", "LIBRARYNAME", dice.choice(["lib", "*", "o*", "["]), *dice.choice([[], ["WITHCODE"], ["WITHCODE", "WITHCODE"], ["x"]])], ["FUNCTION", "LIST", "LIBRARYNAME"], ["FUNCTION", "STATS"],
            ["FUNCTION", "DUMP", "x"], ["FUNCTION", "RESTORE", "x"], ["FUNCTION", "RESTORE", "x", "BOGUS"], ["FUNCTION", "nosuch"], ["FCALL", "f"], ["FCALL_RO", "f", "0"], ["SCRIPT"], ["FUNCTION"], ["SCRIPT", "nosuch"], ["SCRIPT", "LOAD"]])
