#!lua flags=allow-oom
-- Removes the oldest failed jobs of all queues beyond a number, and those beyond an age; at most 1000.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  how many are kept (0: no limit), for how many ms (0: no limit)
-- Result  how many were removed

-- @include bullmq_common
-- @include bullmq_removing

local most, age = tonumber(ARGV[1]), tonumber(ARGV[2])
local bases, heads, surplus = {}, {}, 0
for i = 1, QUEUES do
  bases[i] = base_of(KEYS[i])
  surplus = surplus + redis.call('ZCARD', bases[i] .. 'failed')
end
surplus = most > 0 and surplus - most or 0
local too_old = age > 0 and now_ms() - age or 0

local removed = 0
while removed < 1000 do
  local oldest, score
  for i = 1, #bases do
    heads[i] = heads[i] or redis.call('ZRANGE', bases[i] .. 'failed', 0, 0, 'WITHSCORES')
    local head = heads[i][2] and tonumber(heads[i][2])
    if head and (not oldest or head < score) then
      oldest, score = i, head
    end
  end
  if not oldest or (removed >= surplus and score >= too_old) then
    break
  end
  remove_all(bases[oldest], bases[oldest] .. 'failed', {heads[oldest][1]})
  heads[oldest] = nil
  removed = removed + 1
end
return removed
