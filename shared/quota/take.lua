-- Takes one permit from an account's sliding minute, day and month together, or from none of them.
-- With 0 calls it takes nothing and tells what is used.
--
-- KEYS  1 counters: hash {server, newest, day.start, day.end, day.used, month.start, month.end, month.used}; `newest` is
--         the latest moment up to which they ever counted
--       2 minute: sorted set of "<permit>|<calls>" by the moment it was given (ms)
--       3 fence of a rebuild under way (see mark.lua)
--       4 closed: hash of the moments (ms) until which the provider's word closes a window (see close.lua)
-- ARGV  1 JSON {permit, calls, limits = {minute, day, month}, day = {start, end}, month = {start, end},
--       window, margin, never, idle}: moments and lengths in milliseconds
-- Gives JSON {verdict, now} with verdict `taken`; or `full` with the `window` that has room last and `until`;
--       or `seen` (for 0 calls) with the calls used in `day` and `month`, `recent` ones as {at, calls}, and `closed`;
--       or `stale`: the day or month handed in is not the one of `now`;
--       or `lost`, with `closed`: the counters are missing or not this server's own, and must be rebuilt.
local counters, minute, fence, closed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ask = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function answer(verdict, window, moment)
    return cjson.encode({verdict = verdict, now = now, window = window, ['until'] = moment})
end

local function holds(span)
    return span.start <= now and now < span['end']
end

-- The calls counted in the calendar window asked for; nil, for the journal to say, when it had begun before and what is
-- counted is another one: the clock was set back, or the quota's time zone was changed.
local function used_in(name)
    local stored_end = tonumber(redis.call('HGET', counters, name .. '.end'))
    if stored_end == ask[name]['end'] then return tonumber(redis.call('HGET', counters, name .. '.used')) end
    local newest = tonumber(redis.call('HGET', counters, 'newest'))
    if newest < ask[name].start then return 0 end
end

local function closed_windows()
    local until_by_window = {}
    for _, name in ipairs({'minute', 'day', 'month'}) do
        until_by_window[name] = tonumber(redis.call('HGET', closed, name))
    end
    return until_by_window
end

local function lost()
    return cjson.encode({verdict = 'lost', now = now, closed = closed_windows()})
end

-- The permits that still count, oldest first, as {at, calls}.
local function recent_permits()
    redis.call('ZREMRANGEBYSCORE', minute, '-inf', now - ask.window)
    -- Permits of the future show that the clock was set back: they were given just now at the latest.
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', minute, '(' .. now, '+inf')) do
        redis.call('ZADD', minute, now, member)
    end
    local permits = {}
    local flat = redis.call('ZRANGE', minute, 0, -1, 'WITHSCORES')
    for i = 1, #flat, 2 do
        permits[#permits + 1] = {at = tonumber(flat[i + 1]), calls = tonumber(string.match(flat[i], '|(%d+)$'))}
    end
    return permits
end

-- When so many calls have left the minute that those asked for fit.
local function room_in_minute(permits, excess)
    for _, permit in ipairs(permits) do
        excess = excess - permit.calls
        if excess <= 0 then return permit.at + ask.window end
    end
    return now + ask.never
end

if not (holds(ask.day) and holds(ask.month)) then return answer('stale') end

-- A restart or a failover may bring back older counters: only those this very server wrote can be believed.
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('HGET', counters, 'server') ~= server then return lost() end
local used = {day = used_in('day'), month = used_in('month'), minute = 0}
if not (used.day and used.month) then
    redis.call('HSET', counters, 'server', 'recount ' .. server) -- what seed.lua finds: the minute is still true
    redis.call('DEL', fence)
    return lost()
end

local member = ask.permit .. '|' .. ask.calls
local permits = recent_permits()
if redis.call('ZSCORE', minute, member) then return answer('taken') end -- asked again: the answer was lost
if ask.calls == 0 then
    return cjson.encode({verdict = 'seen', now = now, day = used.day, month = used.month, recent = permits,
        closed = closed_windows()})
end
for _, permit in ipairs(permits) do used.minute = used.minute + permit.calls end

local room = {
    minute = room_in_minute(permits, used.minute + ask.calls - ask.limits.minute),
    day = ask.day['end'],
    month = ask.month['end'],
}
local full, latest
local function note_full(name, moment)
    if not latest or moment > latest then full, latest = name, moment end
end
local closed_until = closed_windows()
for _, name in ipairs({'minute', 'day', 'month'}) do
    local limit = ask.limits[name]
    if ask.calls > limit then
        note_full(name, now + ask.never)
    elseif used[name] + ask.calls > limit then
        note_full(name, room[name])
    elseif name ~= 'minute' and now + ask.margin >= ask[name]['end'] then
        note_full(name, ask[name]['end']) -- the call could leave in the next day and count there
    end
    if (closed_until[name] or 0) > now then note_full(name, closed_until[name]) end
end
if full then return answer('full', full, latest) end

for _, name in ipairs({'day', 'month'}) do
    redis.call('HSET', counters, name .. '.start', ask[name].start, name .. '.end', ask[name]['end'],
        name .. '.used', used[name] + ask.calls)
end
local newest = tonumber(redis.call('HGET', counters, 'newest'))
redis.call('HSET', counters, 'newest', math.max(now, newest))
redis.call('ZADD', minute, now, member)
redis.call('PEXPIRE', counters, ask.idle)
redis.call('PEXPIRE', minute, ask.window)
return answer('taken')
