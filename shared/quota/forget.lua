-- Forgets an account. The counters come back from the journal when they are next asked for.
--
-- KEYS  1 counters  2 minute  3 fence  4 closed (all as in take.lua)
redis.call('DEL', unpack(KEYS))
