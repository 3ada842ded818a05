-- Whether a call may leave now.
--
-- KEYS  1 state: hash {failures: in a row; opened: when it opened; probes: that failed in a row; next: when the next
--         probe may leave; probe: the id of the one on its way} (ms)
--       2 failing: set of the users with a failure since the last answer
-- ARGV  1 user  2 id of the call  3 length of a call (ms)
-- Gives {'go' or 'probe', now}, or {'hold', left (ms), failed probes}.
local state, failing = KEYS[1], KEYS[2]
local user, id, call = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local open = redis.call('HEXISTS', state, 'opened') == 1
local only_others = redis.call('SCARD', failing) == 1 and redis.call('SISMEMBER', failing, user) == 0
if not open or only_others then return {'go', now} end

local left = tonumber(redis.call('HGET', state, 'next')) - now
if left > 0 then return {'hold', left, tonumber(redis.call('HGET', state, 'probes') or 0)} end

redis.call('HSET', state, 'next', string.format('%d', now + call), 'probe', id)
return {'probe', now}
