-- rerun_add_v1: keep one more run of a fixed set; of those after the reference, the newest.
-- KEYS    1 the runs of a set and model, oldest first
-- ARGV    1 the run as JSON, 2 how many of the first are the reference, 3 how many are kept after them
-- Returns how many there are
-- Version 1

redis.call('RPUSH', KEYS[1], ARGV[1])
for _ = 1, redis.call('LLEN', KEYS[1]) - ARGV[2] - ARGV[3] do
  redis.call('LSET', KEYS[1], ARGV[2], '')
  redis.call('LREM', KEYS[1], 1, '')
end
return redis.call('LLEN', KEYS[1])
