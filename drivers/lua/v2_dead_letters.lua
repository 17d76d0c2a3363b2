#!lua flags=no-writes
-- One page of dead letters, oldest first.
-- KEYS: see v2_common.
-- ARGV: 1 id of the last letter seen or "", 2 its time of death, 3 page size.
-- Returns: {id, time of death, payload, attempts, reason} for each; "" for what is missing. When the
-- last letter seen is gone the page starts with the first of its millisecond: the caller skips.
-- @include v2_common

local start = 0
if ARGV[1] ~= '' then
  local rank = call('ZRANK', DLQ, ARGV[1])
  start = rank and rank + 1 or call('ZCOUNT', DLQ, '-inf', '(' .. ARGV[2])
end
local rows = call('ZRANGE', DLQ, start, start + ARGV[3] - 1, 'WITHSCORES')
local page = {}
for i = 1, #rows, 2 do
  local id = rows[i]
  page[#page + 1] = {id, rows[i + 1], call('HGET', JOBS, id) or '', call('HGET', ATTEMPTS, id) or '0',
    call('HGET', FAILURES, id) or ''}
end
return page
