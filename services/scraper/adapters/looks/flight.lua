-- Ends a flight with a word, or without, or prolongs it; does nothing when the flight is not the caller's any more.
--
-- KEYS  1 flight (as in ask.lua)
-- ARGV  1 the caller's token  2 "failed|<packed failure>", "apart", "left", or "prolonged"; or "forgotten", which drops a
--       failure, whoever's it was  3 for how long (ms)
local flight, word = KEYS[1], ARGV[2]
local held = redis.call('GET', flight) or ''
if word == 'forgotten' and string.find(held, '^failed|') then redis.call('DEL', flight) end
if string.match(held, '^flight|(%w+)|') ~= ARGV[1] then return end
if word == 'left' then
    redis.call('DEL', flight)
elseif word == 'prolonged' then
    redis.call('PEXPIRE', flight, ARGV[3])
else
    redis.call('SET', flight, word, 'PX', ARGV[3])
end
