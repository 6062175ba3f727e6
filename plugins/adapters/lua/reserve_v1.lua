-- reserve_v1: hold an amount against every counter of the plan, or nothing.
-- KEYS    1 tenant root
-- ARGV    1 call id, 2 micros, 3 tokens, 4 tier, 5 life of the hold in ms, 6 charge|release for expired holds,
--         7 most expired holds to end first, 8 shares, 9 plan, 10 limits, 11 candidate windows,
--         12 nonce of this attempt to reserve: a repeated send has the same
-- Returns { status, now in ms, windows, states, alerts }; states are { spent, reserved, granted, end } by the plan.
--         held      the hold stands (also when it stood already and the nonce is the same)
--         over      some limit has no room; nothing was changed
--         clock     no candidate window holds the server's time; nothing was changed
--         done      this call was settled or has expired; nothing was changed
--         conflict  another reserve holds under this call id; nothing was changed
-- Version 1

local call, micros, tokens, tier = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local plan, limits, alerts = ARGV[9], ARGV[10], {}

expire_holds(ARGV[6], tonumber(ARGV[7]), ARGV[8], alerts)
local standing = redis.call('HGET', ROOT .. ':holds', call)
if standing then
  local hold = parse_hold(standing)
  local rows = read_rows(hold.plan, hold.limits, hold.windows)
  return { hold.nonce == ARGV[12] and 'held' or 'conflict', text(NOW_MS), hold.windows, states_of(rows), alerts }
end
if done(call) or find_expired(call) then return { 'done', text(NOW_MS), '', {}, alerts } end
local windows = pick_windows(ARGV[11])
if not windows then return { 'clock', text(NOW_MS), '', {}, alerts } end

local rows, by_letter = read_rows(plan, limits, windows)
for _, row in ipairs(rows) do
  if row.limit and row.spent + row.reserved + amount(row, micros, tokens) > row.limit + row.granted then
    return { 'over', text(NOW_MS), windows, states_of(rows), alerts }
  end
end
change_rows(rows, by_letter, { micros = 0, tokens = 0 }, { micros = micros, tokens = tokens })
local expires_ms = NOW_MS + tonumber(ARGV[5])
redis.call('HSET', ROOT .. ':holds', call, join_hold({ micros = micros, tokens = tokens, tier = tier,
  expires_ms = expires_ms, plan = plan, limits = limits, windows = windows, nonce = ARGV[12] }))
redis.call('ZADD', ROOT .. ':expiries', text(expires_ms), call)
return { 'held', text(NOW_MS), windows, states_of(rows), alerts }
