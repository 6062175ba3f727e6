-- cache_enter_v1: the stored answer to a request; without one, the lease to fetch it, unless another call has that.
-- KEYS    1 entry, 2 lease (same hash tag, so the same slot)
-- ARGV    1 scope digest that the entry must carry, 2 token of the lease, 3 its milliseconds
-- Returns {body or nil, token of who may fetch the answer now or nil}; the token is empty where nobody is waited for:
--         nothing could be stored last time (see cache_release_v1), or Redis is full
-- Version 1

local body, scope = unpack(redis.call('HMGET', KEYS[1], 'b', 's'))
if body and scope == ARGV[1] then return {body, false} end
local taken = redis.pcall('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
if not taken then return {false, redis.call('GET', KEYS[2])} end
if not taken.err then return {false, ARGV[2]} end
if string.sub(taken.err, 1, 3) == 'OOM' then return {false, ''} end
return taken
