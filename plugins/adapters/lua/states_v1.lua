-- states_v1: the counters of a plan in the windows of the server's time, after ending expired holds.
-- KEYS    1 tenant root
-- ARGV    1 charge|release for expired holds, 2 most expired holds to end first, 3 shares, 4 plan, 5 candidate windows
-- Returns { status, now in ms, windows, states, alerts } as reserve_v1; status is "read" or "clock"
-- Version 1

local alerts = {}
expire_holds(ARGV[1], tonumber(ARGV[2]), ARGV[3], alerts)
local windows = pick_windows(ARGV[5])
if not windows then return { 'clock', text(NOW_MS), '', {}, alerts } end
local rows = read_rows(ARGV[4], '', windows)
return { 'read', text(NOW_MS), windows, states_of(rows), alerts }
