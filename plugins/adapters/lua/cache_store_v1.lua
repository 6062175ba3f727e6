-- cache_store_v1: one entry of the answer cache, replaced as a whole and never without an expiry.
-- KEYS    1 entry
-- ARGV    1 time to live in seconds, then field and value in turn
-- Returns 1
-- Version 1

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
