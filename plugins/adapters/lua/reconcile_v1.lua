-- reconcile_v1: end expired holds now and say which they were.
-- KEYS    1 tenant root
-- ARGV    1 charge|release, 2 most holds to end, 3 shares
-- Returns { now in ms, ended, holds still open, holds still expired, alerts };
--         ended are { call, micros, tokens, tier, expires in ms, charged|released }
-- Version 1

local alerts = {}
local ended = expire_holds(ARGV[1], tonumber(ARGV[2]), ARGV[3], alerts)
local left = redis.call('ZCOUNT', ROOT .. ':expiries', '-inf', NOW_MS)
return { text(NOW_MS), ended, redis.call('HLEN', ROOT .. ':holds'), left, alerts }
