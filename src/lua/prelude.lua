-- The sandbox: what scripts see. Runs once per interpreter, with the functions written in Rust (`raw`),
-- and returns the functions that Rust calls.
--
-- Lua 5.1 has no read-only tables. A script is shown an empty table instead, whose metatable reads from
-- the real one and refuses every write; the few library functions that go past metatables check for it.
--
-- Functions of Rust raise objects that only `raw.reveal` can read. Whatever catches errors makes strings and
-- tables of them, so that no script ever sees one.
local raw, constants = ...

local error, type, tostring, select = error, type, tostring, select
local pcall, xpcall, loadstring = pcall, xpcall, loadstring
local rawnext, rawpairs, rawget, rawset = next, pairs, rawget, rawset
local rawgetmetatable, rawsetmetatable = getmetatable, setmetatable
local collectgarbage, setfenv = collectgarbage, setfenv
local reveal = raw.reveal
local sub, find, concat = string.sub, string.find, table.concat

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

-- The basic functions, guarded where they go past metatables. A caller's mistake is named as the C library
-- names it.

local function no_table(name, t)
    error("bad argument #1 to '" .. name .. "' (table expected, got " .. (t == nil and 'nil' or type(t)) .. ')', 3)
end

local function guarded(f, name)
    return function(t, ...)
        if type(t) ~= 'table' then
            no_table(name, t)
        elseif real[t] then
            error(READONLY, 0)
        end
        return f(t, ...)
    end
end

local function next(t, k)
    if type(t) ~= 'table' then
        no_table('next', t)
    end
    return rawnext(real[t] or t, k)
end

local function pairs(...)
    local t = ...
    local behind = real[t]
    if behind then
        return function(_, k) return rawnext(behind, k) end, t, nil
    elseif type(t) ~= 'table' then
        error("bad argument #1 to 'pairs' (table expected, got "
            .. (select('#', ...) == 0 and 'no value' or type(t)) .. ')', 2)
    end
    return rawnext, t, nil
end

-- Bytecode can do what no script may: only text is loaded. A chunk's name ends at its first NUL, so that it
-- is one string for Lua and for C.
local function compile(text, name)
    if type(text) ~= 'string' then
        text = tostring(text)
    end
    if sub(text, 1, 1) == '\27' then
        return nil, 'attempt to load chunk with wrong mode'
    end
    if name == nil then
        name = text
    end
    local stop = find(name, '\0', 1, true)
    return loadstring(text, stop and sub(name, 1, stop - 1) or name)
end

local function revealed(e)
    if type(e) == 'userdata' then
        return reveal(e)
    end
    return e
end

-- What pcall tells: of an error raised as a table, as redis.call raises it, the message.
local function settled(fine, e, ...)
    if fine then
        return true, e, ...
    end
    e = revealed(e)
    if type(e) == 'table' then
        local message = rawget(e, 'err')
        if type(message) == 'string' or type(message) == 'number' then
            return false, message
        end
    end
    return false, e
end

local function resumed(fine, e, ...)
    if fine then
        return true, e, ...
    end
    return false, revealed(e)
end

local function unwrapped(fine, ...)
    if fine then
        return ...
    end
    local e = revealed((...))
    error(e, type(e) == 'string' and 3 or 0)
end

local coroutine_real = {}
for name, f in rawpairs(coroutine) do coroutine_real[name] = f end
local create, resume = coroutine.create, coroutine.resume
coroutine_real.resume = function(...) return resumed(resume(...)) end
coroutine_real.wrap = function(f)
    local co = create(f)
    return function(...) return unwrapped(resume(co, ...)) end
end

local allowed_collection = {collect = true, count = true, step = true}

local string_real, table_real, math_real = {}, {}, {}
for name, f in rawpairs(string) do string_real[name] = f end
for name, f in rawpairs(table) do table_real[name] = f end
for name, f in rawpairs(math) do math_real[name] = f end
string_real.dump = nil
string_real.gfind = string.gfind or string.gmatch
for name, f in rawpairs(raw.string) do string_real[name] = f end
for name, f in rawpairs(raw.math) do math_real[name] = f end
for _, name in rawpairs {'insert', 'remove', 'sort', 'setn'} do
    table_real[name] = guarded(table[name], name)
end
local foreach = table.foreach
table_real.foreach = function(t, f) return foreach(real[t] or t, f) end

local base = {
    _VERSION = _VERSION,
    assert = assert,
    collectgarbage = function(what, arg)
        -- What would last beyond the script changes nothing.
        if what == 'stop' or what == 'restart' or what == 'setpause' or what == 'setstepmul' then
            return 0
        elseif what ~= nil and not allowed_collection[what] then
            error("bad argument #1 to 'collectgarbage' (invalid option '" .. tostring(what) .. "')", 2)
        end
        return collectgarbage(what, arg)
    end,
    coroutine = coroutine_real,
    error = error,
    gcinfo = gcinfo,
    getmetatable = function(t)
        if real[t] then
            return pretended[t]
        end
        return rawgetmetatable(t)
    end,
    ipairs = ipairs,
    load = function(reader, name)
        if type(reader) ~= 'function' then
            error("bad argument #1 to 'load' (function expected, got " .. type(reader) .. ')', 2)
        end
        local pieces = {}
        while true do
            local fine, piece = pcall(reader)
            if not fine then
                return nil, revealed(piece)
            elseif piece == nil or piece == '' then
                break
            elseif type(piece) ~= 'string' then
                return nil, 'reader function must return a string'
            end
            pieces[#pieces + 1] = piece
        end
        return compile(concat(pieces), name or '=(load)')
    end,
    loadstring = compile,
    math = math_real,
    next = next,
    os = {clock = os.clock},
    pairs = pairs,
    pcall = function(...) return settled(pcall(...)) end,
    rawequal = rawequal,
    rawget = function(t, k) return rawget(real[t] or t, k) end,
    rawset = guarded(rawset, 'rawset'),
    select = select,
    setmetatable = guarded(setmetatable, 'setmetatable'),
    string = string_real,
    table = table_real,
    tonumber = tonumber,
    tostring = tostring,
    type = type,
    unpack = unpack,
    xpcall = function(f, h)
        return xpcall(f, function(e) return h(revealed(e)) end)
    end,
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

local where = raw.where

local function api(functions)
    for name, value in rawpairs(constants) do
        functions[name] = value
    end
    return functions
end

local script_api = api(raw.script)
local function_api = {}
for name, value in rawpairs(script_api) do
    function_api[name] = value
end
script_api.breakpoint = function() return false end
script_api.debug = function() end
script_api.replicate_commands = function() return true end
local library_api = api(raw.library)

local function environment(redis, missing)
    local globals = {}
    for name, value in rawpairs(base) do
        globals[name] = value
    end
    globals.redis = (freeze(redis, missing))
    globals.server = globals.redis
    local shown, meta = freeze(globals, nonexistent)
    globals._G = shown
    return shown, globals, meta
end

local scripts, script_globals = environment(script_api)
local functions, function_globals, functions_meta = environment(function_api)
local _, load_globals = environment(library_api, nonexistent)
load_globals._G = functions

-- The state of a script's error: where it was raised.
local function handler(e)
    local source, line = where()
    e = revealed(e)
    if type(e) ~= 'table' then
        e = {err = 'ERR ' .. tostring(e)}
    elseif real[e] then
        e = {}
    end
    rawset(e, 'source', source)
    rawset(e, 'line', line)
    return e
end

local body, keys, args

local function step()
    return body(keys, args)
end

return {
    -- Runs an EVAL script.
    script = function(f, k, a)
        script_globals.KEYS, script_globals.ARGV = k, a
        return xpcall(f, handler)
    end,
    -- Runs a function of a library.
    call = function(f, k, a)
        body, keys, args = f, k, a
        return xpcall(step, handler)
    end,
    -- Runs the text of a library, which registers functions.
    load = function(f)
        functions_meta.__index = load_globals
        local fine, e = xpcall(f, handler)
        functions_meta.__index = function_globals
        return fine, e
    end,
    -- Gives a compiled text the environment of scripts, or of libraries.
    script_env = function(f) return setfenv(f, scripts) end,
    library_env = function(f) return setfenv(f, functions) end,
    -- What texts compiled by scripts see.
    globals = scripts,
}
