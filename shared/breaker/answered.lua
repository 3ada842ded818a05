-- Closes the breaker, unless the answered call had left before it opened: others have failed since.
--
-- KEYS  1 state  2 failing (as in ask.lua)  3 streak (as in failed.lua)  ARGV  1 when the call was permitted (ms)
redis.call('DEL', KEYS[3])
local opened = tonumber(redis.call('HGET', KEYS[1], 'opened'))
if not opened or tonumber(ARGV[1]) >= opened then redis.call('DEL', KEYS[1], KEYS[2]) end
