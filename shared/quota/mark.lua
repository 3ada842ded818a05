-- Begins the rebuild of an account's lost counters, or joins the one under way: gives the fence `seed.lua` asks for.
--
-- KEYS  1 counters (as in take.lua)  2 fence  ARGV  1 a token of the caller's  2 how long a rebuild may take (ms)
-- Gives {fence, now in ms}, or nil when somebody else has rebuilt them already. A fence holds for one server only: a flush, a restart or
-- a failover ends it, and with it whatever was read from the journal before.
local counters, fence = KEYS[1], KEYS[2]
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('HGET', counters, 'server') == server then return nil end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('GET', fence)
if held and string.sub(held, 1, #server) == server then return {held, now} end
held = server .. ':' .. ARGV[1]
redis.call('SET', fence, held, 'PX', ARGV[2])
return {held, now}
