-- adjust_v1: an operator's change of one counter, with a reason.
-- KEYS    1 tenant root
-- ARGV    1 id of the change (a repeated id changes nothing), 2 set|grant, 3 counter, 4 amount, 5 reason, 6 actor,
--         7 candidate windows (of one letter)
-- Returns { status, now in ms, before, after, windows }
--         set     spent is now exactly the amount
--         grant   the limit of this window is higher by the amount (lower by a negative one)
--         again   this id was applied before; nothing was changed
--         clock   no candidate window holds the server's time; nothing was changed
-- Version 1

local id, op, counter, wanted = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if done(id) then return { 'again', text(NOW_MS), '0', '0', '' } end
local windows = pick_windows(ARGV[7])
if not windows then return { 'clock', text(NOW_MS), '0', '0', '' } end

local plan = counter .. '=' .. string.sub(windows, 1, 1)
local rows, by_letter = read_rows(plan, '', windows)
local row, before, delta = rows[1], 0, wanted
if op == 'set' then
  before = row.spent
  delta = wanted - before
  change_rows(rows, by_letter, { micros = delta, tokens = delta }, { micros = 0, tokens = 0 })
else
  before = row.granted
  change_rows(rows, by_letter, { micros = 0, tokens = 0 }, { micros = 0, tokens = 0 })
  redis.call('HSET', row.window.key, counter .. '|granted', text(before + delta))
end
mark_done(id, 0, 0)
record(op, id, row.counts_tokens and 0 or delta, row.counts_tokens and delta or 0, 0, '', plan, windows, ARGV[5], ARGV[6])
return { op, text(NOW_MS), text(before), text(before + delta), windows }
