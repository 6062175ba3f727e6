-- cache_store_v2: one entry of the answer cache, replaced as a whole and never without an expiry; ends the lease of who
-- stores it, so that those who wait go on.
-- KEYS    1 entry, 2 lease (same hash tag, so the same slot), if there is one
-- ARGV    1 time to live in seconds, 2 token of the lease or an empty string, then field and value in turn
-- Returns 1
-- Version 2

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], ARGV[1])
if KEYS[2] and redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[2]) end
return 1
