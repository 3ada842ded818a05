-- Closes a window: the provider says that it is spent. An earlier moment than one said before changes nothing.
--
-- KEYS  1 closed (as in take.lua)  ARGV  1 window  2 until (ms)
local closed, window, moment = KEYS[1], ARGV[1], tonumber(ARGV[2])
local before = tonumber(redis.call('HGET', closed, window))
if before and before >= moment then return end

redis.call('HSET', closed, window, ARGV[2])
local last = 0
for _, other in ipairs(redis.call('HVALS', closed)) do last = math.max(last, tonumber(other)) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('PEXPIRE', closed, string.format('%d', last - now))
