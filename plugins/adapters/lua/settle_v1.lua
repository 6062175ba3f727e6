-- settle_v1: turn a hold into a charge, once.
-- KEYS    1 tenant root
-- ARGV    1 call id, 2 exact|most|bound, 3 micros, 4 tokens, 5 shares,
--         6 plan, 7 limits, 8 windows, 9 tier of the call as the client knows it; empty when it does not
-- Returns { status, now in ms, charged micros, charged tokens, least dollar headroom or "", alerts }
--         settled   the hold became a charge: "exact" and "most" charge the given amount (also above the hold),
--                   "bound" the greater of the given amount and the hold
--         late      the hold had expired: the charge made then is corrected to what it would have been, so that
--                   the sum over both is the same as of one settle in time
--         unheld    there never was a hold here (admitted while the ledger was away, or lost with the server):
--                   charged by the client's plan and windows
--         again     settled before, with that charge; nothing was changed
--         unknown   no hold, and no plan to charge by; nothing was changed
-- Version 1

local call, kind = ARGV[1], ARGV[2]
local given = { micros = tonumber(ARGV[3]), tokens = tonumber(ARGV[4]) }
local alerts = {}

local function final(held)
  if kind ~= 'bound' then return given end
  return { micros = math.max(given.micros, held.micros), tokens = math.max(given.tokens, held.tokens) }
end

local function charge(status, hold, already, reserved)
  local whole = final(hold)
  local spent = { micros = whole.micros - already.micros, tokens = whole.tokens - already.tokens }
  local rows, by_letter = read_rows(hold.plan, hold.limits, hold.windows)
  change_rows(rows, by_letter, spent, reserved)
  find_alerts(rows, ARGV[5], alerts)
  mark_done(call, whole.micros, whole.tokens)
  record(status .. '_' .. kind, call, spent.micros, spent.tokens, hold.micros, hold.tier,
    hold.plan, hold.windows)
  local least
  for _, row in ipairs(rows) do
    if row.limit and not row.counts_tokens then
      local left = row.limit + row.granted - row.spent - row.reserved
      if not least or left < least then least = left end
    end
  end
  return { status, text(NOW_MS), text(whole.micros), text(whole.tokens), least and text(least) or '', alerts }
end

local NOTHING = { micros = 0, tokens = 0 }
local standing = redis.call('HGET', ROOT .. ':holds', call)
if standing then
  local hold = parse_hold(standing)
  drop_hold(call)
  return charge('settled', hold, NOTHING, { micros = -hold.micros, tokens = -hold.tokens })
end
local before = done(call)
if before then
  local charged = { string.match(before, '(%d+) (%d+)') }
  return { 'again', text(NOW_MS), charged[1], charged[2], '', alerts }
end
local raw, key = find_expired(call)
if raw then
  local expired = parse_hold(raw)
  redis.call('HDEL', key, call)
  return charge('late', expired, expired.outcome == 'charged' and expired or NOTHING, NOTHING)
end
if ARGV[6] == '' then return { 'unknown', text(NOW_MS), '0', '0', '', alerts } end
return charge('unheld', { micros = 0, tokens = 0, plan = ARGV[6], limits = ARGV[7], windows = ARGV[8], tier = ARGV[9] },
  NOTHING, NOTHING)
