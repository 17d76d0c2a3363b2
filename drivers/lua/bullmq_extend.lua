#!lua flags=allow-oom
-- Makes leases end a time from now.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  time in ms, and three arguments for each lease: number of its queue, id, token
-- Result  1 if every lease was held, else {0 or 1 for each}

-- @include bullmq_common

local bases, keys, results, all = {}, {}, {}, 1
for i = 1, QUEUES do
  bases[i] = base_of(KEYS[i])
end
for i = 2, #ARGV, 3 do
  keys[#keys + 1] = bases[tonumber(ARGV[i])] .. ARGV[i + 1] .. ':lock'
end
local locks = redis.call('MGET', unpack(keys))

for n = 1, #keys do
  local base, id, token = bases[tonumber(ARGV[3 * n - 1])], ARGV[3 * n], ARGV[3 * n + 1]
  if locks[n] == token or (not locks[n] and still_leased(base .. id, token)) then
    redis.call('SREM', base .. 'stalled', id)
    redis.call('SET', keys[n], token, 'PX', ARGV[1])
    results[n] = 1
  else
    results[n] = 0
    all = 0
  end
end
return all == 1 and 1 or results
