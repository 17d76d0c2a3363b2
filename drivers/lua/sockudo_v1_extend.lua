#!lua flags=allow-oom
-- Makes leases of one owner end at a time of their own.
--
-- KEYS  leased (of this owner), deadlines
-- ARGV  owner, ms from now, receipts…
-- Result  1 if every lease was this owner's, else {0 or 1 for each}

-- @include sockudo_v1_common

local owner, deadline = ARGV[1], now_ms() + ARGV[2]
local results, changes, all = {}, {}, 1

for i = 3, #ARGV do
  local held = redis.call('HEXISTS', KEYS[1], ARGV[i])
  results[i - 2] = held
  if held == 1 then
    changes[#changes + 1] = deadline
    changes[#changes + 1] = 'x' .. ARGV[i] .. owner
  else
    all = 0
  end
end

call_many('ZADD', KEYS[2], changes)
return all == 1 and 1 or results
