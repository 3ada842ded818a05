-- The probe did not leave: the next to ask may be it.
--
-- KEYS  1 state (as in ask.lua)  ARGV  1 id of the call
if redis.call('HGET', KEYS[1], 'probe') == ARGV[1] then
    redis.call('HDEL', KEYS[1], 'probe')
    redis.call('HSET', KEYS[1], 'next', 0)
end
