-- Ends a turn, and remembers how the host behaved.
--
-- KEYS  1 pace, 2 running, 3 booked, 4 host: see take.lua
-- ARGV  1 JSON {turn, ending, took, rest, longest_rest, down_after, memory}: lengths in milliseconds
local pace, running, host = KEYS[1], KEYS[2], KEYS[4]
local told = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

redis.call('ZREM', running, told.turn)
redis.call('HDEL', host, 'since', 'until')
if told.ending == 'answered' then
    redis.call('DEL', host)
    redis.call('HSET', host, 'strikes', 0)
    redis.call('PEXPIRE', host, told.memory)
    local hold = tonumber(redis.call('HGET', pace, 'hold') or told.took)
    redis.call('HSET', pace, 'hold', hold + (told.took - hold) / 5)
    redis.call('PEXPIRE', pace, told.memory)
elseif told.ending == 'hung' then
    local strikes = tonumber(redis.call('HGET', host, 'strikes') or 1) + 1
    local rest = told.longest_rest
    if strikes <= told.down_after then rest = math.min(rest, told.rest * 2 ^ (strikes - 2)) end
    redis.call('HSET', host, 'strikes', strikes)
    if strikes > 1 then redis.call('HSET', host, 'rest', now + rest, 'waiting', 0) end
    redis.call('PEXPIRE', host, math.ceil(told.memory + rest))
end
