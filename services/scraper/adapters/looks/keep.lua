-- Ends a flight with a look; others go, those that end soonest first, until all that is kept fits its bounds.
--
-- KEYS  1 looks (as in ask.lua)  2 ends: sorted set of digests by the moment they are dropped (ms)
--       3 size: bytes of all looks together  4 flight (as in ask.lua)
-- ARGV  1 digest  2 the caller's token  3 the packed look; empty: what was kept is dropped
--       4 how long it is fresh (ms)  5 how long it is kept beyond (ms)  6 bytes that all looks may take
local looks, ends, size, flight = unpack(KEYS)
local digest, packed, bound = ARGV[1], ARGV[3], tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local EACH = 300        -- bytes that a look costs beside its own
local MOST_AT_ONCE = 1000 -- looks that go for one that comes
local MOST_OF_MEMORY = 0.75

-- What Redis threw out by itself took its sum along: begin anew.
local bytes = tonumber(redis.call('GET', size))
if not bytes or redis.call('HLEN', looks) ~= redis.call('ZCARD', ends) then
    redis.call('UNLINK', looks, ends, size)
    bytes = 0
end

local function drop(which)
    bytes = bytes - redis.call('HSTRLEN', looks, which) - EACH
    redis.call('HDEL', looks, which)
    redis.call('ZREM', ends, which)
end

-- Redis counts quotas too: where its memory has a bound, looks leave a quarter of it alone, whatever their own bound is.
local memory = redis.call('INFO', 'memory')
local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
if most > 0 then
    local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
    bound = math.min(bound, bytes + most * MOST_OF_MEMORY - used)
end

if redis.call('HEXISTS', looks, digest) == 1 then drop(digest) end
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, MOST_AT_ONCE)) do drop(ended) end
local needed = packed == '' and 0 or 13 + #packed + EACH
for _ = 1, MOST_AT_ONCE do
    local first = redis.call('ZRANGE', ends, 0, 0)[1]
    if not first or bytes + needed <= bound then break end
    drop(first)
end
if needed > 0 and bytes + needed <= bound then
    local fresh = now + ARGV[4]
    redis.call('HSET', looks, digest, string.format('%013.0f', fresh) .. packed)
    redis.call('ZADD', ends, fresh + ARGV[5], digest)
    bytes = bytes + needed
end
redis.call('SET', size, string.format('%.0f', bytes))

local token = string.match(redis.call('GET', flight) or '', '^flight|(%w+)|')
if token == ARGV[2] then redis.call('DEL', flight) end
