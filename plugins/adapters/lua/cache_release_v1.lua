-- cache_release_v1: the end of a single-flight lease of the answer cache.
-- KEYS    1 lease, 2 entry that the leader may have stored (same hash tag, so the same slot)
-- ARGV    1 token of the lease, 2 milliseconds for which "nothing was stored" is remembered
-- Returns 1 if the lease was ours and is ended, 0 if it had expired or belongs to another call
-- Without an entry the lease becomes an empty string for a while: those who wait then all go on at once,
-- instead of leading one after the other.
-- Version 1

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], '', 'PX', ARGV[2])
end
return 1
