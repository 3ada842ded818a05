-- Writes an account's rebuilt counters, unless somebody else did or they were lost again since the journal was read.
--
-- KEYS  1 counters  2 minute (both as in take.lua)  3 fence
-- ARGV  1 the fence `mark.lua` gave  2 JSON {day = {start, end, used}, month = {start, end, used},
--       recent = {{at, calls}, …}, window, idle}: moments and lengths in milliseconds
-- Gives 1 when the counters were written, 0 when not: ask `take.lua` again. Whoever writes them ends the fence, so that
-- nobody writes over what was taken since.
local counters, minute, fence = KEYS[1], KEYS[2], KEYS[3]
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('GET', fence) ~= ARGV[1] or string.sub(ARGV[1], 1, #server) ~= server then return 0 end

local found = cjson.decode(ARGV[2])
local time = redis.call('TIME')
local newest = math.max(time[1] * 1000 + math.floor(time[2] / 1000), tonumber(redis.call('HGET', counters, 'newest')) or 0)
for _, call in ipairs(found.recent) do newest = math.max(newest, call[1]) end
local minute_is_true = redis.call('HGET', counters, 'server') == 'recount ' .. server
redis.call('DEL', counters, fence)
redis.call('HSET', counters, 'server', server, 'newest', newest)
for _, name in ipairs({'day', 'month'}) do
    redis.call('HSET', counters, name .. '.start', found[name].start, name .. '.end', found[name]['end'],
        name .. '.used', found[name].used)
end
redis.call('PEXPIRE', counters, found.idle)
if minute_is_true then return 1 end

redis.call('DEL', minute)
for i, call in ipairs(found.recent) do
    redis.call('ZADD', minute, call[1], 'journal' .. i .. '|' .. call[2])
end
redis.call('PEXPIRE', minute, found.window)
return 1
