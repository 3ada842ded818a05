-- A page's fresh look, or what else is known of it; else the caller is the one to fly.
--
-- KEYS  1 looks: hash of a page's digest -> 13 digits, the moment (ms) until which it is fresh, and the packed look
--       2 flight: "flight|<token>|<since in ms>", or "failed|<packed failure>", or "apart"
-- ARGV  1 digest  2 the caller's token  3 how long a flight lasts unless it is prolonged (ms)
-- Gives {"seen", packed} | {"failed", packed} | {"apart"} | {"under way", ms since} | {"flight", earlier look or ""}
local looks, flight = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local kept = redis.call('HGET', looks, ARGV[1]) or ''
local fresh_until = tonumber(string.sub(kept, 1, 13)) or math.huge -- damaged: the caller sees it, and has it forgotten
if kept ~= '' and fresh_until > now then return {'seen', string.sub(kept, 14)} end

local held = redis.call('GET', flight)
if held then
    if held == 'apart' then return {'apart'} end
    local failure = string.match(held, '^failed|(.*)$')
    if failure then return {'failed', failure} end
    local token, since = string.match(held, '^flight|(%w+)|(%d+)$')
    if token and token ~= ARGV[2] then return {'under way', math.max(0, now - since)} end -- else asked again: the answer was lost
end
redis.call('SET', flight, 'flight|' .. ARGV[2] .. '|' .. string.format('%.0f', now), 'PX', ARGV[3])
return {'flight', string.sub(kept, 14)}
