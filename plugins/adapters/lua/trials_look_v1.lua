-- trials_look_v1: put a trial's new state in place of the one it was made from, and drop the answers it took in.
-- KEYS    1 the trial's state, 2 its queue of observations
-- ARGV    1 the version it was made from (0: there was none), 2 the new state as JSON, 3 how many observations it took,
--         4 seconds that it is kept
-- Returns 1 if it is in place, 0 if somebody else put one there meanwhile
-- Version 1

local kept = redis.call('GET', KEYS[1])
local version = kept and tonumber(string.match(kept, '"version": (%d+)')) or 0
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
redis.call('LTRIM', KEYS[2], ARGV[3], -1)
return 1
