#!lua flags=allow-oom
-- Removes failed jobs for good.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  three arguments for each: number of its queue or 0, id, timestamp or ''
-- Result  {0 or 1 for each}

-- @include bullmq_common
-- @include bullmq_find_dead

local results = {}
for i = 1, #ARGV, 3 do
  local id = ARGV[i + 1]
  local base = find_dead(tonumber(ARGV[i]), id, ARGV[i + 2])
  results[#results + 1] = base and 1 or 0
  if base then
    redis.call('ZREM', base .. 'failed', id)
    remove_job(base .. id)
    emit(base, 'removed', 'jobId', id, 'prev', 'failed')
  end
end
return results
