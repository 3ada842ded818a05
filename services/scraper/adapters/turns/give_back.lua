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
local strikes = tonumber(redis.call('HGET', host, 'strikes') or 1)
local rests = tonumber(redis.call('HGET', host, 'rest') or 0) > now
if told.ending == 'answered' then
    -- One that was let in before the host asked for peace does not end the peace.
    if strikes > 0 or not rests then
        redis.call('DEL', host)
        redis.call('HSET', host, 'strikes', 0)
    end
    redis.call('PEXPIRE', host, told.memory)
    local hold = tonumber(redis.call('HGET', pace, 'hold') or told.took)
    redis.call('HSET', pace, 'hold', hold + (told.took - hold) / 5)
    redis.call('PEXPIRE', pace, told.memory)
elseif told.ending == 'overloaded' and not rests then
    local rest = math.min(told.longest_rest, told.rest * 2 ^ (redis.call('HINCRBY', host, 'overloads', 1) - 1))
    redis.call('HSET', host, 'strikes', 0, 'rest', now + rest, 'waiting', 0)
    redis.call('PEXPIRE', host, math.ceil(told.memory + rest))
elseif told.ending == 'hung' then
    strikes = strikes + 1
    local rest = told.longest_rest
    if strikes <= told.down_after then rest = math.min(rest, told.rest * 2 ^ (strikes - 2)) end
    redis.call('HSET', host, 'strikes', strikes)
    if strikes > 1 then redis.call('HSET', host, 'rest', now + rest, 'waiting', 0) end
    redis.call('PEXPIRE', host, math.ceil(told.memory + rest))
end
