-- Gives one permit back to the windows it was taken from; a second time, or much later, gives back nothing.
--
-- KEYS  1 counters  2 minute (both as in take.lua)  ARGV  1 "<permit>|<calls>"  2 calls
-- Gives 1 when the permit was given back, 0 when there was nothing to give.
local counters, minute, member, calls = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local given_at = tonumber(redis.call('ZSCORE', minute, member))
if not given_at then return 0 end
redis.call('ZREM', minute, member)
for _, name in ipairs({'day', 'month'}) do
    local start = tonumber(redis.call('HGET', counters, name .. '.start'))
    if start and given_at >= start then redis.call('HINCRBY', counters, name .. '.used', -calls) end
end
return 1
