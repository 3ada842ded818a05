-- Counts a failed call, and opens the breaker when it is one too many.
--
-- KEYS  1 state  2 failing (as in ask.lua)  3 streak: the user's own failures in a row
-- ARGV  1 user  2 id of the call  3 failures that open  4 first interval (ms)  5 longest interval (ms)
--       6 chance: from 0 to 1, how much of half an interval is added  7 what lasts without a failure (ms)
-- Gives how long the user's work waits (ms).
local state, failing, streak = KEYS[1], KEYS[2], KEYS[3]
local user, id, opens_at = ARGV[1], ARGV[2], tonumber(ARGV[3])
local first, longest, chance, idle = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function interval(failures)
    return math.ceil(math.min(longest, first * 2 ^ math.min(failures, 30)) * (1 + chance / 2))
end

local failures = redis.call('HINCRBY', state, 'failures', 1)
local own = redis.call('INCR', streak)
redis.call('SADD', failing, user)

local was_probe = redis.call('HGET', state, 'probe') == id
if was_probe then
    redis.call('HDEL', state, 'probe')
    redis.call('HINCRBY', state, 'probes', 1)
end
if failures == opens_at then redis.call('HSET', state, 'opened', string.format('%d', now)) end
if failures == opens_at or was_probe then
    local pause = interval(tonumber(redis.call('HGET', state, 'probes') or 0))
    redis.call('HSET', state, 'next', string.format('%d', now + pause))
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, idle) end

local left = tonumber(redis.call('HGET', state, 'next') or now) - now
return math.max(interval(own - 1), left)
