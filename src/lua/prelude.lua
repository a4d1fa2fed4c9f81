-- The sandbox: what scripts see. Runs once per interpreter, with the functions written in Rust (`raw`),
-- and returns the functions that Rust calls.
--
-- Lua 5.1 has no read-only tables. A script is shown an empty table instead, whose metatable reads from
-- the real one and refuses every write; the few library functions that go past metatables check for it.
--
-- Functions of Rust raise objects that only `raw.reveal` can read. Whatever catches errors makes strings and
-- tables of them, so that no script ever sees one.
local raw, constants = ...

local error, type, tostring, tonumber, select = error, type, tostring, tonumber, select
local pcall, xpcall, load, loadstring = pcall, xpcall, load, loadstring
local rawnext, rawpairs, rawget, rawset = next, pairs, rawget, rawset
-- Errors call a function as the local here is called that it was in.
local getmetatable, setmetatable = getmetatable, setmetatable
local rawgetmetatable, rawsetmetatable = getmetatable, setmetatable
local collectgarbage, getfenv, setfenv, newproxy = collectgarbage, getfenv, setfenv, newproxy
-- `checked(f, kinds)` calls `f` as a function of C would be called, once its arguments are of these kinds.
local reveal, look, checked = raw.reveal, raw.look, raw.checked
local sub, find, concat = string.sub, string.find, table.concat
local abs, fmod = math.abs, math.fmod

local READONLY = 'Attempt to modify a readonly table'

-- What each shown table reads from, and the metatable it pretends to have.
local real, pretended = {}, {}

local function refuse()
    error(READONLY, 2)
end

local function freeze(t, missing)
    local shown = {}
    real[shown] = t
    if missing then
        rawsetmetatable(t, {__index = missing})
        pretended[shown] = (freeze({__index = missing}))
    end
    local meta = {__index = t, __newindex = refuse, __metatable = false}
    return rawsetmetatable(shown, meta), meta
end

local function nonexistent(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

-- The basic functions, guarded where they go past metatables.

local function guard(t)
    if real[t] then
        error(READONLY, 0)
    end
end

-- Works on a table for longer than a script may go unwatched only if Lua code does it, which is.
local sort, insert, remove, setn = table.sort, table.insert, table.remove, table.setn
local SORT_MAX = 10000

local function less(a, b)
    return a < b
end

local INSERT_MAX = 1000000

local rawunpack = unpack
local UNPACK_MAX = 8000

-- A number as C makes an `int` of it: what 64 bits do not tell is 0.
local function int(n)
    n = tonumber(n)
    if not (n >= -2^63 and n < 2^63) then
        return 0
    end
    n = (n - n % (n < 0 and -1 or 1)) % 2^32
    return n < 2^31 and n or n - 2^32
end

local function unpack(t, ...)
    local i, j = ...
    if (j and int(j) or #t) - (i and int(i) or 1) >= UNPACK_MAX then
        error('too many results to unpack', 3)
    end
    -- Not `i` and `j`: what is given takes the place of a result.
    return rawunpack(t, ...)
end

local function next(t, k)
    return rawnext(real[t] or t, k)
end

local function pairs(t)
    local behind = real[t]
    if behind then
        return function(_, k) return rawnext(behind, k) end, t, nil
    end
    return rawnext, t, nil
end

-- Bytecode can do what no script may: behind a blank it is read as text, and refused as such.
local function textual(text)
    return sub(text, 1, 1) == '\27' and ' ' .. text or text
end

-- A chunk's name ends at its first NUL, so that it is one string for Lua and for C.
local function named(name)
    local stop = find(name, '\0', 1, true)
    return stop and sub(name, 1, stop - 1) or name
end

local function compile(text, name)
    return loadstring(textual(text), named(name or text))
end

-- A function of C that was called from here names this text as the place of its error: `place` is put there instead.
local function replaced(e, place)
    if type(e) == 'string' and sub(e, 1, 6) == 'synap:' then
        local _, stop = find(e, ': ', 7, true)
        return stop and (place or '') .. sub(e, stop + 1) or e
    end
    return e
end

-- An error as scripts see it: whatever its place, when that is not known any more.
local function revealed(e)
    return replaced(type(e) == 'userdata' and reveal(e) or e)
end

-- The same where it is raised, by a handler: with the place of the script's call.
local called_at = raw.called_at

local function placed(e)
    e = type(e) == 'userdata' and reveal(e) or e
    if type(e) == 'string' and sub(e, 1, 6) == 'synap:' then
        return replaced(e, (called_at()))
    end
    return e
end

-- These are of C, as Lua's own are: errors tell their level, and no coroutine begins with them.
local caught = raw.pcall(function(e)
    local seen = placed(e)
    return seen
end)
local caught_by = raw.xpcall(function(e)
    local seen = placed(e)
    return seen
end)

local function resumed(fine, ...)
    if fine then
        return true, ...
    end
    return false, revealed((...))
end

local function unwrapped(fine, ...)
    if fine then
        return ...
    end
    local e = revealed((...))
    -- Above it are the call in tail position, and the function that was checked.
    error(e, type(e) == 'string' and 4 or 0)
end

local coroutine_real = {}
for name, f in rawpairs(coroutine) do coroutine_real[name] = f end
local create, resume = coroutine.create, coroutine.resume
coroutine_real.resume = checked(function(...) return resumed(resume(...)) end, 'o')
coroutine_real.wrap = checked(function(f)
    local co = create(f)
    return checked(function(...) return unwrapped(resume(co, ...)) end, '')
end, 'L')

-- Searches. Lua's own functions run those that are short whatever they find; `raw.find` runs the others and looks
-- up on its way. `reaches` tells for a pattern how long a text Lua's own may search.
local measure, rawfind = raw.measure, raw.find
local cmatch, gmatch, cgsub = string.match, string.gmatch, string.gsub
local reaches, known = {}, 0
local PATTERN_KEPT_MAX, KNOWN_MAX = 256, 1000
local PLAIN_MAX = 50000

local function reach(pattern)
    local most = measure(pattern)
    if #pattern <= PATTERN_KEPT_MAX then
        if known == KNOWN_MAX then
            reaches, known = {}, 0
        end
        reaches[pattern], known = most, known + 1
    end
    return most
end

local function taken(s, from, to, ...)
    if from == nil or select('#', ...) > 0 then
        return ...
    end
    return sub(s, from, to)
end

local searches = {}

function searches.find(s, pattern, init, plain)
    init = init or 1
    local most = plain and PLAIN_MAX / (1 + #pattern) or reaches[pattern] or reach(pattern)
    if #s <= most then
        return find(s, pattern, init, plain)
    end
    return rawfind(s, pattern, init, plain)
end

function searches.match(s, pattern, init)
    init = init or 1
    if #s <= (reaches[pattern] or reach(pattern)) then
        return cmatch(s, pattern, init)
    end
    return taken(s, rawfind(s, pattern, init))
end

function searches.gmatch(s, pattern)
    if #s <= (reaches[pattern] or reach(pattern)) then
        return gmatch(s, pattern)
    end
    if sub(pattern, 1, 1) == '^' then
        -- No anchor here.
        pattern = '%' .. pattern
    end
    local at = 1
    local function step(from, to, ...)
        if from == nil then
            at = #s + 2
            return nil
        end
        at = to < from and from + 1 or to + 1
        return taken(s, from, to, ...)
    end
    return function()
        if at <= #s + 1 then
            return step(rawfind(s, pattern, at))
        end
    end
end
searches.gfind = searches.gmatch

-- What stands for one match.
local function replacement(with, s, from, to, ...)
    local whole, kind, value = sub(s, from, to), type(with), nil
    local first = select('#', ...) > 0 and (...) or whole
    if kind == 'table' then
        value = with[first]
    elseif kind == 'function' then
        if select('#', ...) > 0 then value = with(...) else value = with(whole) end
    else
        local captures = {first, select(2, ...)}
        return (cgsub(with, '%%(.?)', function(digit)
            local n = tonumber(digit)
            if n == nil then
                return digit
            elseif n > 0 and captures[n] == nil then
                error('invalid capture index', 0)
            end
            return n == 0 and whole or captures[n]
        end))
    end
    if not value then
        return whole
    elseif type(value) ~= 'string' and type(value) ~= 'number' then
        error('invalid replacement value (a ' .. type(value) .. ')', 0)
    end
    return value
end

function searches.gsub(s, pattern, with, max)
    if type(with) == 'number' then
        with = tostring(with)
    end
    max = tonumber(max) or #s + 1
    if #s <= (reaches[pattern] or reach(pattern)) then
        return cgsub(s, pattern, with, max)
    end
    local pieces, at, count, anchored = {}, 1, 0, sub(pattern, 1, 1) == '^'
    local function step(from, to, ...)
        if from == nil then
            return false
        end
        count = count + 1
        pieces[#pieces + 1] = sub(s, at, from - 1)
        pieces[#pieces + 1] = replacement(with, s, from, to, ...)
        if to < from then
            -- Nothing was found: the byte there stays.
            pieces[#pieces + 1] = sub(s, from, from)
            at = from + 1
        else
            at = to + 1
        end
        return not anchored
    end
    while count < max and at <= #s + 1 and step(rawfind(s, pattern, at)) do end
    pieces[#pieces + 1] = sub(s, at)
    return concat(pieces), count
end

local allowed_collection = {collect = true, count = true, step = true}

local string_real, table_real, math_real = {}, {}, {}
for name, f in rawpairs(string) do string_real[name] = f end
for name, f in rawpairs(table) do table_real[name] = f end
for name, f in rawpairs(math) do math_real[name] = f end
local kinds = {find = 'ssN', match = 'ssN', gmatch = 'ss', gfind = 'ss', gsub = 'ssr'}
for name, f in rawpairs(searches) do string_real[name] = checked(f, kinds[name]) end
for name, f in rawpairs(raw.string) do string_real[name] = f end
for name, f in rawpairs(raw.math) do math_real[name] = f end
table_real.remove = checked(function(t, ...)
    guard(t)
    return remove(t, ...)
end, 'tN')
table_real.setn = checked(function(t, ...)
    guard(t)
    return setn(t, ...)
end, 't')
table_real.sort = checked(function(t, before)
    guard(t)
    if before == nil and #t > SORT_MAX then
        before = less
    end
    return sort(t, before)
end, 'tF')
table_real.insert = checked(function(t, ...)
    guard(t)
    local at = select('#', ...) == 2 and tonumber((...))
    -- As C makes an int of it: what no 64 bits hold is a zero in the lower half.
    if at and abs(at) < 2 ^ 63 then
        at = (at - fmod(at, 1) + 2 ^ 31) % 2 ^ 32 - 2 ^ 31
    else
        at = 0
    end
    if at <= -INSERT_MAX then
        error("bad argument #2 to 'insert' (position out of bounds)", 3)
    end
    return insert(t, ...)
end, 'tI')
local foreach = table.foreach
table_real.foreach = checked(function(t, f) return foreach(real[t] or t, f) end, 'tf')

local base = {
    _VERSION = _VERSION,
    assert = assert,
    collectgarbage = checked(function(what, arg)
        -- What would last beyond the script changes nothing.
        if what ~= nil and not allowed_collection[what] then
            return 0
        end
        look()
        return collectgarbage(what, arg)
    end, 'cN'),
    coroutine = coroutine_real,
    error = error,
    gcinfo = gcinfo,
    getmetatable = checked(function(t)
        if real[t] then
            return pretended[t]
        end
        return getmetatable(t)
    end, 'a'),
    ipairs = ipairs,
    load = checked(function(reader, name)
        local begun = false
        -- An error of the reader is handled where it is raised, as every other.
        local f, why = load(checked(function()
            if begun then
                return reader()
            end
            begun = true
            local piece = reader()
            return type(piece) == 'string' and textual(piece) or piece
        end, ''), named(name or '=(load)'))
        if f then
            return f
        end
        return nil, revealed(why)
    end, 'lS'),
    loadstring = checked(compile, 'sS'),
    math = math_real,
    next = checked(next, 't'),
    os = {clock = os.clock},
    pairs = checked(pairs, 't'),
    pcall = caught,
    rawequal = rawequal,
    rawget = checked(function(t, k) return rawget(real[t] or t, k) end, 'ta'),
    rawset = checked(function(t, k, v)
        guard(t)
        return rawset(t, k, v)
    end, 'taa'),
    select = select,
    setmetatable = checked(function(t, meta)
        guard(t)
        return setmetatable(t, meta)
    end, 'tm'),
    string = string_real,
    table = table_real,
    tonumber = raw.to_number(tonumber),
    tostring = tostring,
    type = type,
    unpack = checked(unpack, 'tNN'),
    xpcall = caught_by,
    cjson = raw.cjson,
    cmsgpack = raw.cmsgpack,
    struct = raw.struct,
    bit = raw.bit,
}
for name, t in rawpairs(base) do
    if type(t) == 'table' then
        base[name] = (freeze(t))
    end
end
local strings = rawgetmetatable('')
strings.__index = string_real
strings.__metatable = (freeze({__index = base.string}))

-- redis.*

local function api(functions)
    for name, value in rawpairs(constants) do
        functions[name] = value
    end
    return functions
end

local debug = raw.debug

-- What `redis` or `server` is to scripts, and to functions.
local function apis(raw)
    local script_api, function_api = api(raw), {}
    for name, value in rawpairs(script_api) do
        function_api[name] = value
    end
    function_api.breakpoint = nil
    script_api.debug = function(...) debug(...) end
    script_api.replicate_commands = function() return true end
    return script_api, function_api
end

local script_api, function_api = apis(raw.script)
local server_script_api, server_function_api = apis(raw.server_script)
local library_api, server_library_api = api(raw.library), api(raw.server_library)
for _, library in rawpairs({library_api, server_library_api}) do
    for name in rawpairs(constants) do
        if sub(name, 1, 5) == 'REPL_' then
            library[name] = nil
        end
    end
end

local function environment(redis, server)
    local globals = {}
    for name, value in rawpairs(base) do
        globals[name] = value
    end
    globals.redis = (freeze(redis))
    globals.server = (freeze(server))
    local shown, meta = freeze(globals, nonexistent)
    globals._G = shown
    return shown, globals, meta
end

local scripts, script_globals = environment(script_api, server_script_api)
local functions, function_globals, functions_meta = environment(function_api, server_function_api)

-- What the setting lua-enable-deprecated-api gives. Environments are those of scripts alone: others would lead out of the
-- sandbox. Proxies have no finalisers: these would run while the host works on the stack.
if raw.deprecated then
    local visible = rawsetmetatable({[scripts] = true, [functions] = true}, {__mode = 'k'})
    local deprecated = {}

    function deprecated.getfenv(f)
        if f == nil then
            f = 1
        end
        local caller = getfenv(3)
        if not visible[caller] then
            caller = scripts
        end
        if f == 0 then
            return caller
        end
        -- Levels count from the script on, which called the function that checks.
        local env = getfenv(tonumber(f) and f + 2 or f)
        return visible[env] and env or caller
    end

    function deprecated.setfenv(...)
        local f, env = ...
        local level = tonumber(f)
        if type(env) ~= 'table' or not (level or type(f) == 'function') then
            -- It tells what is wrong.
            return (setfenv(...))
        end
        local fine, own = pcall(getfenv, level and level + 3 or f)
        if fine and (level == 0 or not visible[own]) then
            error("'setfenv' cannot change environment of given object", 3)
        end
        visible[env] = true
        return (setfenv(level and level + 2 or f, env))
    end

    function deprecated.newproxy(like)
        local proxy = newproxy(like)
        if like == true then
            local meta = rawgetmetatable(proxy)
            meta.__metatable = rawsetmetatable({}, {
                __index = meta,
                __newindex = function(_, name, value)
                    if name ~= '__gc' then
                        meta[name] = value
                    end
                end,
                __metatable = false,
            })
        end
        return proxy
    end

    for name, f in rawpairs(deprecated) do
        f = checked(f, '')
        script_globals[name], function_globals[name] = f, f
    end
end
-- While a library loads there is nothing else, as in Redis.
local load_globals = {
    redis = (freeze(library_api, nonexistent)),
    server = (freeze(server_library_api, nonexistent)),
}
rawsetmetatable(load_globals, {__index = nonexistent})

-- The state of a script's error: where it was raised. A table's own metatable hears of that, and may raise what is handled in
-- its turn; where one may only be read, the line below is told as in Redis: its tenth.
local handler = loadstring([[
local where, placed, getmetatable, tostring, type = ...
return function(e)
    local source, line = where()
    e = placed(e)
    if type(e) ~= 'table' then
        e = {err = 'ERR ' .. tostring(e)}
    end
    if source then
        -- A table that may only be read refuses this.
        e.source = source
        e.line = line
    end
    if getmetatable(e) then
        -- As it is read later, where nothing may raise.
        e = {err = e.err, source = e.source, line = e.line, ignore_error_stats_update = e.ignore_error_stats_update}
    end
    return e
end
]], '@err_handler_def')(raw.where, placed, rawgetmetatable, tostring, type)

-- Scripts and functions that are compiled, by their places.
local compiled = {}

-- What the debugger's client asks for, as `{fine, value or error}`: in a coroutine, where hooks work also while the debugger's
-- own waits.
local function evaluate(code)
    local f, why = compile('return ' .. code, '@ldb_eval')
    if not f then
        f, why = compile(code, '@ldb_eval')
    end
    if not f then
        return {false, why}
    end
    local fine, value = resume(create(setfenv(f, scripts)))
    if fine then
        return {true, value}
    end
    value = revealed(value)
    return {false, type(value) == 'table' and rawget(value, 'err') or value}
end

return {
    evaluate = evaluate,
    -- Handles the errors of scripts and functions.
    handler = handler,
    script_globals = script_globals,
    compiled = compiled,
    -- What is behind the tables that scripts may only read.
    real = real,
    -- The metatable by which `cjson` knows an array.
    array = (freeze({__is_cjson_array = true})),
    -- Runs the text of a library, which registers functions.
    load = function(f)
        functions_meta.__index = load_globals
        local fine, e = xpcall(f, handler)
        functions_meta.__index = function_globals
        return fine, e
    end,
    -- Tells what is wrong with a text.
    complain = function(text, name) return select(2, compile(text, name)) end,
    -- Gives a compiled text the environment of scripts, or of libraries.
    script_env = function(f) return setfenv(f, scripts) end,
    -- The same for a text that sets no global: what it reads need not be looked for behind the table that refuses that.
    reader_env = function(f) return setfenv(f, script_globals) end,
    library_env = function(f) return setfenv(f, functions) end,
    -- What texts compiled by scripts see.
    globals = scripts,
}
