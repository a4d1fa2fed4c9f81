//! The scripts that are measured: what applications use Lua for.

use crate::client::Client;
use std::io;

/// One call.
pub const ONE: &str = "return redis.call('GET', KEYS[1])";

/// Ten calls.
pub const TEN: &str = "local value
for i = 1, 5 do
  redis.call('SET', KEYS[1], ARGV[1])
  value = redis.call('GET', KEYS[1])
end
return value";

/// A token bucket: 100 tokens that come back at 10 a second.
pub const LIMITER: &str = "local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local rate, capacity, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1]) or capacity, tonumber(bucket[2]) or now
tokens = math.min(capacity, tokens + (now - at) * rate / 1000)
local allowed = tokens >= asked
if allowed then
  tokens = tokens - asked
end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate * 1000))
return {allowed and 1 or 0, math.floor(tokens)}";

/// A library with a function of one call.
pub const LIBRARY: &str = "#!lua name=bench
redis.register_function('bench_get', function(keys, args) return redis.call('GET', keys[1]) end)";

/// Loads what is called by name.
pub fn load(client: &mut Client) -> io::Result<()> {
    client.call(&["SCRIPT", "LOAD", LIMITER])?;
    client.call(&["FUNCTION", "LOAD", "REPLACE", LIBRARY])?;
    Ok(())
}
