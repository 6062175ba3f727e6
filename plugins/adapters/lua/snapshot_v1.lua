-- snapshot_v1: everything an audit compares, at one instant. Changes nothing.
-- KEYS    1 tenant root
-- Returns { id of the last ledger entry or "0-0", windows, holds };
--         windows are { id, { field, value, ... } } of every window not yet dropped, holds are raw (see parse_hold)
-- Version 1

local last = redis.call('XREVRANGE', ROOT .. ':ledger', '+', '-', 'COUNT', 1)
local windows = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ROOT .. ':windows', NOW_S, '+inf')) do
  windows[#windows + 1] = { id, redis.call('HGETALL', ROOT .. ':w:' .. id) }
end
return { last[1] and last[1][1] or '0-0', windows, redis.call('HVALS', ROOT .. ':holds') }
