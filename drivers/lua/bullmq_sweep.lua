#!lua flags=allow-oom
-- Upkeep of one queue: makes due jobs ready, gives back what our dead owners held longer than their
-- lock, and twice a minute at most does BullMQ's own check for stalled jobs of other workers.
--
-- KEYS  the wait list of the queue, and a key that is never there
-- ARGV  most of our jobs to give back, stalls after which a job of others is a dead letter
-- Result  how many leases ended

-- @include bullmq_common

local base, most, most_stalls = base_of(KEYS[1]), tonumber(ARGV[1]), tonumber(ARGV[2])
local now = now_ms()
local ended = 0

promote_due(base, now)

local ids, locks = active_and_locks(base)
for i = 1, #ids do
  if ended >= most then
    break
  end
  if not locks[i] then
    local token = redis.call('HGET', base .. ids[i], 'sockq:lease')
    if token and still_leased(base .. ids[i], token) then
      ended = ended + give_back(base, ids[i], 0)
    end
  end
end

-- A job of others that stands in `active` without a lock may just have been taken: the worker locks
-- it a moment later. Only what stood there at the last check too has stalled.
if redis.call('SET', base .. 'stalled-check', now, 'PX', STALLED_CHECK_MS, 'NX') then
  trim_events(base)
  local seen = redis.call('SMEMBERS', base .. 'stalled')
  redis.call('DEL', base .. 'stalled')
  local list = ready_list(base)
  for i = 1, #seen do
    local id = seen[i]
    local job = base .. id
    local token = redis.call('HGET', job, 'sockq:lease')
    local ours = token and still_leased(job, token) -- the next sweep's
    if not ours and redis.call('EXISTS', job .. ':lock') == 0
      and redis.call('LREM', base .. 'active', 1, id) > 0 and redis.call('HEXISTS', job, 'data') == 1 then
      ended = ended + 1
      if redis.call('HINCRBY', job, 'stalledCounter', 1) > most_stalls then
        -- Kept whatever the job's options say, as by BullMQ 1.80: nothing is lost.
        local reason = 'job stalled more than allowable limit'
        redis.call('ZADD', base .. 'failed', now, id)
        redis.call('HSET', job, 'failedReason', reason, 'finishedOn', now)
        emit(base, 'failed', 'jobId', id, 'prev', 'active', 'failedReason', reason)
      else
        redis.call('RPUSH', list, id)
        emit(base, 'waiting', 'jobId', id, 'prev', 'active')
        emit(base, 'stalled', 'jobId', id)
      end
    end
  end
  local active = redis.call('LRANGE', base .. 'active', 0, -1)
  for first = 1, #active, 1000 do
    redis.call('SADD', base .. 'stalled', unpack(active, first, math.min(first + 999, #active)))
  end
end
return ended
