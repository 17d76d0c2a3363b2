#!lua flags=allow-oom
-- Make leases end later.
-- KEYS: see v2_common. ARGV: 1 ms from now, then id, token for each lease.
-- Returns: for each lease 1, or 0 where it is no longer the caller's.
-- @include v2_common

local deadline = whole(now_ms() + tonumber(ARGV[1]))
local ids = {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local tokens = call('HMGET', TOKENS, unpack(ids))
local results, scores = {}, {}
for i = 1, #ids do
  if tokens[i] == ARGV[2 * i + 1] then
    results[i] = 1
    scores[#scores + 1] = deadline
    scores[#scores + 1] = ids[i]
  else
    results[i] = 0
  end
end
if #scores > 0 then call('ZADD', ACTIVE, unpack(scores)) end
return results
