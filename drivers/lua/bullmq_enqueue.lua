#!lua
-- Adds jobs to one queue as BullMQ 1.x does.
--
-- KEYS  the wait list of the queue, and a key that is never there
-- ARGV  delay in ms, and three arguments for each job: its own id or '', options, data
-- Result  {id, timestamp, …}; a job whose id is there already is not added again

-- @include bullmq_common

local base, delay_ms = base_of(KEYS[1]), tonumber(ARGV[1])
local now = now_ms()
local results = {}

local list = ready_list(base)
for i = 2, #ARGV, 3 do
  local counter = redis.call('INCR', base .. 'id') -- first: before 7.0 a full server refuses only this
  if i == 2 then
    trim_events(base)
  end
  local id, opts, data = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local known = id ~= '' and redis.call('HGET', base .. id, 'timestamp')
  if id == '' then
    id = whole(counter)
  end
  if not known then
    redis.call('HSET', base .. id, 'name', 'webhook', 'data', data, 'opts', opts,
      'timestamp', now, 'delay', delay_ms, 'priority', 0)
    emit(base, 'added', 'jobId', id, 'name', 'webhook', 'data', data, 'opts', opts)
    if delay_ms > 0 then
      local due = now + delay_ms
      redis.call('ZADD', base .. 'delayed', whole(due * 4096 + counter % 4096), id)
      emit(base, 'delayed', 'jobId', id, 'delay', due)
      wake_schedulers(base, due)
    else
      redis.call('LPUSH', list, id)
      emit(base, 'waiting', 'jobId', id)
    end
  end
  results[#results + 1] = id
  results[#results + 1] = known or whole(now)
end
return results
