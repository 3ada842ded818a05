-- Keeps everybody from a domain for a while; a longer pause that it already has stays.
--
-- KEYS  1 pace: see take.lua
-- ARGV  1 the pause, 2 how long the domain is remembered: milliseconds
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local soonest = tonumber(redis.call('HGET', KEYS[1], 'next') or 0)
redis.call('HSET', KEYS[1], 'next', math.max(soonest, now + ARGV[1]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
