#!lua flags=allow-oom
-- Makes failed jobs ready again for a first attempt; the state stays: it says who is owed.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  four arguments for each: number of its queue or 0, id, timestamp or '', and the data that
--       goes back or '' for its own
-- Result  {0 or 1 for each}

-- @include bullmq_common
-- @include bullmq_find_dead

local results = {}
for i = 1, #ARGV, 4 do
  local id = ARGV[i + 1]
  local base = find_dead(tonumber(ARGV[i]), id, ARGV[i + 2])
  results[#results + 1] = 0
  if base and redis.call('HEXISTS', base .. id, 'data') == 1 then
    local job = base .. id
    if ARGV[i + 3] ~= '' then
      redis.call('HSET', job, 'data', ARGV[i + 3])
    end
    redis.call('ZREM', base .. 'failed', id)
    redis.call('HDEL', job, 'finishedOn', 'processedOn', 'failedReason', 'stacktrace', 'attemptsMade',
      'stalledCounter', 'sockq:crashes')
    insert_ready(base, ready_list(base), id, tonumber(redis.call('HGET', job, 'priority') or 0) or 0)
    emit(base, 'waiting', 'jobId', id, 'prev', 'failed')
    results[#results] = 1
  end
end
return results
