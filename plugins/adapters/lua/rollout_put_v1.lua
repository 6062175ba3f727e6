-- rollout_put_v1: put a new record of one task class's rollout in place of the one it was made from.
-- KEYS    1 hash of rollouts by task class
-- ARGV    1 task class, 2 the version it was made from (0: there was none), 3 the new record as JSON
-- Returns 1 if it is in place, 0 if the present version is another one
-- Version 1

local kept = redis.call('HGET', KEYS[1], ARGV[1])
local version = kept and cjson.decode(kept).version or 0
if version ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
