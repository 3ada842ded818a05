-- Gives a turn at a site, or books one.
--
-- KEYS  1 pace: hash {next: earliest start of the next visit, tail: first moment that is not booked, hold: how long visits
--         last on the average}
--       2 running: sorted set of turns by the moment their lease ends
--       3 booked: sorted set of tickets by the start that is kept for them
--       4 host: hash {strikes: time-outs in a row; 1 for a host of which nothing is known, rest: until when it is left in
--         peace, waiting: how many were told to wait for that, since and until of the one visit that is under way while
--         there are strikes, overloads: how often in a row it had too much to do}
-- ARGV  1 JSON {ticket, turn, follows, chance, concurrency, interval, down_after, in_place, lease, ahead, grace,
--       memory, share}: lengths in milliseconds, `chance` from 0 to 1
-- Gives {verdict, milliseconds to wait, milliseconds between visits that come later}: `turn`; `busy`; `brief`, which is
--       busy but not for long; `down`
local pace, running, booked, host = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ask = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local function number(key, field, otherwise)
    return tonumber(redis.call('HGET', key, field) or otherwise)
end

local gap = ask.interval * (1 + ask.chance / 2)
-- Between booked starts: a little more than visits take, or those who find no place would become ever more.
local every = math.max(gap, number(pace, 'hold', 0) * 1.1 / ask.concurrency)

-- Whoever has many visits to make should come as often as there is a turn, or less often when others wait as well.
local function answer(verdict, wait, queue)
    return {verdict, math.ceil(wait), math.ceil(math.max(ask.interval * 1.3, every, (queue or 0) / ask.share))}
end

-- The host: one that rests is left in peace, one that has yet to answer is asked by one visitor at a time.
local strikes = number(host, 'strikes', 1)
local rest = number(host, 'rest', 0) - now
if rest > 0 then
    if strikes > ask.down_after then return answer('down', rest) end
    return answer('busy', rest + gap * (redis.call('HINCRBY', host, 'waiting', 1) - 1))
end
if strikes > 0 and not ask.follows then
    local left = number(host, 'until', 0) - now
    if left > 0 then
        return answer('busy', math.max(gap, ask.in_place, math.min(now - number(host, 'since', now), left)))
    end
end

-- The domain: no earlier than the interval allows, and those who booked before those who come now.
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
redis.call('ZREMRANGEBYSCORE', booked, '-inf', now - ask.grace)
local soon = now + ask.in_place
local soonest, tail = number(pace, 'next', 0), number(pace, 'tail', 0)
local is_full = redis.call('ZCARD', running) >= ask.concurrency

local function begin(start)
    redis.call('ZADD', running, start + ask.lease, ask.turn)
    redis.call('PEXPIRE', running, math.ceil(ask.in_place + ask.lease))
    redis.call('ZREM', booked, ask.ticket)
    redis.call('HSET', pace, 'next', math.max(soonest, start) + gap, 'tail', math.max(tail, start + gap))
    redis.call('PEXPIRE', pace, ask.memory)
    if strikes > 0 then
        redis.call('HSET', host, 'strikes', strikes, 'since', now, 'until', start + ask.lease)
        redis.call('PEXPIRE', host, ask.memory)
    end
    return answer('turn', start - now)
end

if ask.follows then return begin(math.min(math.max(now, soonest), soon)) end
local kept = tonumber(redis.call('ZSCORE', booked, ask.ticket) or nil)
if kept and kept > soon then return answer('busy', kept - now) end
local start = math.max(now, soonest, kept and 0 or tail)
if not is_full and start <= soon then return begin(start) end

local slot = math.max(soonest, kept and is_full and 0 or tail, is_full and now + every or now)
if slot - now > ask.ahead then return answer('busy', ask.ahead * (1 - ask.chance / 2)) end
redis.call('ZADD', booked, slot, ask.ticket)
redis.call('PEXPIRE', booked, math.ceil(ask.ahead + ask.grace))
redis.call('HSET', pace, 'tail', math.max(tail, slot + every))
redis.call('PEXPIRE', pace, ask.memory)
return answer(is_full and slot <= soon and 'brief' or 'busy', slot - now, slot - math.max(now, soonest))
