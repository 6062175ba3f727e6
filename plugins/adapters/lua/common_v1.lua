-- common_v1: shared by every *_v1 script of the ledger, put in front of it before it is loaded.
--
-- KEYS[1] is the root of one tenant, "tw:{tenant}". All other keys are derived from it, so they carry the same
-- hash tag and live in the same slot of a cluster:
--   :holds            hash    call id -> the open hold (fields by newline, see parse_hold)
--   :expiries         zset    call id scored by the millisecond at which its hold expires
--   :w:<window id>    hash    "<scope>|<tier or *>|<micros or tokens>|<spent, reserved or granted>" -> integer,
--                             and "alert|<permille>|<limit>|<counter>" for an alert that was given
--   :windows          zset    window id scored by the second at which its hash is dropped
--   :expired:<day>    hash    call id -> the hold that expired on that UTC day, kept for a late settle
--   :done:<day>       hash    call id -> "<micros> <tokens>" charged to the calls settled on that UTC day, so that
--                             a second settle is recognised
--   :ledger           stream  every change of balance; never trimmed here
--
-- Texts handed over by the client:
--   plan     "<counter>=<letters> ...", e.g. "tenant|*|micros=DMT": which counters in which windows
--   limits   one word for each counter and letter of the plan, in its order: an integer, or "-" for none
--   windows  "<letter><label>@<end second> ...": the chosen windows; total is "T@0"
--   shares   alert thresholds in permille, e.g. "800 950"
-- All amounts are integers below 2^53, which Lua's doubles hold exactly; text() writes them without exponent.

local ROOT = KEYS[1]
local DAY_S = 86400
local KEEP_S = { H = 2 * DAY_S, D = 40 * DAY_S, M = 400 * DAY_S }  -- after the window's end

local function text(number) return string.format('%.0f', number) end

local clock = redis.call('TIME')
local NOW_S = tonumber(clock[1])
local NOW_MS = NOW_S * 1000 + math.floor(tonumber(clock[2]) / 1000)
local TODAY = math.floor(NOW_S / DAY_S)

-- The candidates ("<letter><label>@<start>@<end> ...") that hold the server's time, as a windows text; nil when
-- a letter has none, which means that the client's clock is wrong.
local function pick_windows(candidates)
  local chosen, wanted, count, found = {}, {}, 0, 0
  for letter, label, first, last in string.gmatch(candidates, '(%u)([^%s@]*)@(%d+)@(%d+)') do
    if not wanted[letter] then wanted[letter] = true; count = count + 1 end
    local total = last == '0'
    if wanted[letter] == true and (total or (tonumber(first) <= NOW_S and NOW_S < tonumber(last))) then
      wanted[letter] = 'found'
      found = found + 1
      chosen[found] = letter .. label .. '@' .. last
    end
  end
  if found < count then return nil end
  return table.concat(chosen, ' ')
end

-- The counters of a plan as rows with their current values: one HMGET for each window.
local function read_rows(plan, limits, windows)
  local limit_words, rows, by_letter = {}, {}, {}
  for word in string.gmatch(limits, '%S+') do limit_words[#limit_words + 1] = word end
  for letter, label, last in string.gmatch(windows, '(%u)([^%s@]*)@(%d+)') do
    by_letter[letter] = { id = letter .. label, key = ROOT .. ':w:' .. letter .. label, ends = tonumber(last), fields = {}, rows = {} }
  end
  for counter, letters in string.gmatch(plan, '(%S+)=(%u+)') do
    for letter in string.gmatch(letters, '.') do
      local window = by_letter[letter]
      local row = { window = window, letter = letter, counter = counter, limit = tonumber(limit_words[#rows + 1] or '-') }
      row.counts_tokens = string.sub(counter, -7) == '|tokens'
      rows[#rows + 1] = row
      window.rows[#window.rows + 1] = row
      for _, what in ipairs({ '|spent', '|reserved', '|granted' }) do
        window.fields[#window.fields + 1] = counter .. what
      end
    end
  end
  for _, window in pairs(by_letter) do
    if #window.fields > 0 then
      local values = redis.call('HMGET', window.key, unpack(window.fields))
      for i, row in ipairs(window.rows) do
        row.spent = tonumber(values[3 * i - 2] or 0)
        row.reserved = tonumber(values[3 * i - 1] or 0)
        row.granted = tonumber(values[3 * i] or 0)
        if not values[3 * i - 2] then window.fresh = true end  -- perhaps a new window: see change_rows
      end
    end
  end
  return rows, by_letter
end

local function amount(row, micros, tokens)
  if row.counts_tokens then return tokens end
  return micros
end

-- Adds to spent and reserved of every row and writes them: one HSET for each window.
local function change_rows(rows, by_letter, spent, reserved)
  for _, row in ipairs(rows) do
    row.spent = row.spent + amount(row, spent.micros, spent.tokens)
    row.reserved = row.reserved + amount(row, reserved.micros, reserved.tokens)
  end
  for letter, window in pairs(by_letter) do
    local values = {}
    for _, row in ipairs(window.rows) do
      values[#values + 1] = row.counter .. '|spent'
      values[#values + 1] = text(row.spent)
      values[#values + 1] = row.counter .. '|reserved'
      values[#values + 1] = text(row.reserved)
    end
    if #values > 0 then
      redis.call('HSET', window.key, unpack(values))
      if window.fresh then
        local drop = KEEP_S[letter] and text(window.ends + KEEP_S[letter])
        if drop then redis.call('EXPIREAT', window.key, drop) end
        redis.call('ZADD', ROOT .. ':windows', drop or '+inf', window.id)
      end
    end
  end
end

local function states_of(rows)
  local states = {}
  for _, row in ipairs(rows) do
    states[#states + 1] = { text(row.spent), text(row.reserved), text(row.granted), text(row.window.ends) }
  end
  return states
end

-- Appends to `alerts` each share of a limit that is reached now and was not told before in this window.
local function find_alerts(rows, shares, alerts)
  for _, row in ipairs(rows) do
    if row.limit and row.limit + row.granted > 0 then
      for share in string.gmatch(shares, '%d+') do
        local limit = row.limit + row.granted
        if row.spent >= limit * tonumber(share) / 1000 then
          local flag = 'alert|' .. share .. '|' .. text(limit) .. '|' .. row.counter
          if redis.call('HSETNX', row.window.key, flag, NOW_S) == 1 then
            alerts[#alerts + 1] = { row.letter, row.counter, share, text(row.spent), text(limit), text(row.window.ends) }
          end
        end
      end
    end
  end
end

local function record(op, call, micros, tokens, held, tier, plan, windows, reason, actor)
  redis.call('XADD', ROOT .. ':ledger', '*', 'op', op, 'call', call, 'micros', text(micros), 'tokens', text(tokens),
    'held', text(held), 'tier', tier, 'plan', plan, 'windows', windows, 'reason', reason or '', 'actor', actor or '')
end

local function mark_done(call, micros, tokens)
  local key = ROOT .. ':done:' .. text(TODAY)
  redis.call('HSET', key, call, text(micros) .. ' ' .. text(tokens))
  redis.call('EXPIRE', key, 2 * DAY_S)
end

-- What the call was charged if it was settled today or yesterday (UTC), so for at least 24 hours; else false.
local function done(call)
  return redis.call('HGET', ROOT .. ':done:' .. text(TODAY), call)
    or redis.call('HGET', ROOT .. ':done:' .. text(TODAY - 1), call)
end

local function parse_hold(raw)
  local parts = {}
  for part in string.gmatch(raw .. '\n', '([^\n]*)\n') do parts[#parts + 1] = part end
  return { micros = tonumber(parts[1]), tokens = tonumber(parts[2]), tier = parts[3], expires_ms = tonumber(parts[4]),
    plan = parts[5], limits = parts[6], windows = parts[7],
    nonce = parts[8], outcome = parts[9] }
end

local function join_hold(hold)
  return table.concat({ text(hold.micros), text(hold.tokens), hold.tier, text(hold.expires_ms), hold.plan, hold.limits,
    hold.windows, hold.nonce, hold.outcome or '' }, '\n')
end

local function drop_hold(call)
  redis.call('HDEL', ROOT .. ':holds', call)
  redis.call('ZREM', ROOT .. ':expiries', call)
end

-- The hold of a call that expired today or yesterday (UTC) and was not settled since, and the key it is under.
local function find_expired(call)
  for _, day in ipairs({ TODAY, TODAY - 1 }) do
    local key = ROOT .. ':expired:' .. text(day)
    local raw = redis.call('HGET', key, call)
    if raw then return raw, key end
  end
end

-- Ends at most `most` expired holds: policy "charge" turns the whole hold into spent, "release" gives it back.
-- Returns them as { call, micros, tokens, tier, expires_ms, charged or released }.
local function expire_holds(policy, most, shares, alerts)
  local ended = {}
  local calls = redis.call('ZRANGEBYSCORE', ROOT .. ':expiries', '-inf', NOW_MS, 'LIMIT', 0, most)
  for _, call in ipairs(calls) do
    local hold = parse_hold(redis.call('HGET', ROOT .. ':holds', call))
    local spent = { micros = 0, tokens = 0 }
    hold.outcome = 'released'
    if policy == 'charge' then
      spent = { micros = hold.micros, tokens = hold.tokens }
      hold.outcome = 'charged'
    end
    local rows, by_letter = read_rows(hold.plan, hold.limits, hold.windows)
    change_rows(rows, by_letter, spent, { micros = -hold.micros, tokens = -hold.tokens })
    find_alerts(rows, shares, alerts)
    drop_hold(call)
    local key = ROOT .. ':expired:' .. text(TODAY)
    redis.call('HSET', key, call, join_hold(hold))
    redis.call('EXPIRE', key, 2 * DAY_S)
    record('expired_' .. hold.outcome, call, spent.micros, spent.tokens, hold.micros, hold.tier, hold.plan, hold.windows)
    ended[#ended + 1] = { call, text(hold.micros), text(hold.tokens), hold.tier, text(hold.expires_ms), hold.outcome }
  end
  return ended
end
