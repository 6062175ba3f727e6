-- learnt_push_v1: append a version of the learnt table, if nobody else did meanwhile.
-- KEYS    1 list of versions, newest last
-- ARGV    1 the version it was made from (0: there was none), 2 the new version as JSON, 3 how many are kept
-- Returns 1 if it was appended, 0 if the newest version is another one
-- Version 1

local newest = redis.call('LINDEX', KEYS[1], -1)
local version = newest and cjson.decode(newest).version or 0
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[2])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[3]), -1)
return 1
