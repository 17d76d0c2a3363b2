#!lua
-- Shared by the scripts of soketi's BullMQ 1.x queues; included, never run.
--
-- A script declares the `wait` list of each queue it works on; BASE is that key less `wait`, and every
-- other key is BASE and a suffix: it holds the same hash tag. Ids of jobs are known only here, so
-- the keys of single jobs cannot be declared. While a cluster moves their slot some keys stand at one
-- node and some at the other: a last key that is never there makes both refuse (TRYAGAIN), because a
-- node looks for declared keys only, and would run a script beside half of its queue.
--
-- What BullMQ keeps: `wait` or (queue paused) `paused` lists, next job at the right; `active` list;
-- `delayed` set, score = due ms * 4096 + low bits of the id; `delay` stream that wakes its schedulers;
-- `priority` set of waiting jobs with a priority; `stalled` set, `completed` and `failed` sets by ms;
-- `events` stream; BASE ID hash; BASE ID:lock string.
-- What sockq adds to the hash of a job: `sockq:lease` (the lock's token while we hold the job),
-- `sockq:state`, `sockq:crashes`.
-- A token of ours is "sockq:", 25 hex digits (new for each claim), ":", owner.

local QUEUES = #KEYS - 1
local TOKEN_HEAD = 32
local STALLED_CHECK_MS = 30000

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function base_of(wait)
  return string.sub(wait, 1, -5)
end

local function whole(number)
  return string.format('%.0f', number)
end

local function owner_of(token)
  if string.sub(token, 1, 6) == 'sockq:' then
    return string.sub(token, TOKEN_HEAD + 1)
  end
  return nil
end

local function emit(base, ...)
  redis.call('XADD', base .. 'events', '*', 'event', ...)
end

local function trim_events(base)
  local most = redis.call('HGET', base .. 'meta', 'opts.maxLenEvents') or '10000'
  redis.call('XTRIM', base .. 'events', 'MAXLEN', '~', most)
end

-- The list that ready jobs go to.
local function ready_list(base)
  if redis.call('HEXISTS', base .. 'meta', 'paused') == 1 then
    return base .. 'paused'
  end
  return base .. 'wait'
end

-- Puts a job behind those that are ready, or before the first that matters less.
local function insert_ready(base, list, id, priority)
  if priority == 0 then
    redis.call('LPUSH', list, id)
    return
  end
  redis.call('ZADD', base .. 'priority', priority, id)
  local before = redis.call('ZCOUNT', base .. 'priority', 0, priority) - 1
  local pivot = redis.call('LINDEX', list, redis.call('LLEN', list) - before)
  if pivot then
    redis.call('LINSERT', list, 'BEFORE', pivot, id)
  else
    redis.call('RPUSH', list, id)
  end
end

local function low_bits(id)
  return string.find(id, '^%d+$') and math.fmod(tonumber(id), 4096) or 0
end

-- Tells BullMQ's schedulers of a due time; they trim the stream to about as much.
local function wake_schedulers(base, due)
  redis.call('XADD', base .. 'delay', 'MAXLEN', '~', 100, '*', 'nextTimestamp', due)
end

local function delay_until(base, id, due_ms)
  local score = due_ms * 4096 + low_bits(id)
  redis.call('ZADD', base .. 'delayed', whole(score), id)
  emit(base, 'delayed', 'jobId', id, 'delay', score / 4096)
  wake_schedulers(base, score / 4096)
end

-- Makes up to 100 due delayed jobs ready. Returns ms until the next is due, or -1.
local function promote_due(base, now)
  local delayed = base .. 'delayed'
  local next_due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  if next_due[2] and tonumber(next_due[2]) <= now * 4096 then
    local due = redis.call('ZRANGEBYSCORE', delayed, 0, whole(now * 4096), 'LIMIT', 0, 100)
    redis.call('ZREM', delayed, unpack(due))
    local list = ready_list(base)
    for i = 1, #due do
      local id = due[i]
      local job = base .. id
      if redis.call('HEXISTS', job, 'data') == 1 then
        insert_ready(base, list, id, tonumber(redis.call('HGET', job, 'priority') or 0) or 0)
        emit(base, 'waiting', 'jobId', id, 'prev', 'delayed')
        redis.call('HSET', job, 'delay', 0)
      end
    end
    next_due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  end
  return next_due[2] and math.max(0, math.ceil(next_due[2] / 4096) - now) or -1
end

-- Whether a job without a lock is still in the lease of this token: nobody took it back. A scheduler
-- of BullMQ that did has counted that in `stalledCounter`, which every claim of ours removes.
local function still_leased(job, token)
  local fields = redis.call('HMGET', job, 'sockq:lease', 'stalledCounter')
  return fields[1] == token and not fields[2]
end

-- Takes a job from its dead owner: next to run, attempt refunded, `crashed` (1 or 0) counted. 1 if it was active.
local function give_back(base, id, crashed)
  local job = base .. id
  local was_active = redis.call('LREM', base .. 'active', 1, id)
  redis.call('DEL', job .. ':lock')
  redis.call('SREM', base .. 'stalled', id)
  if was_active == 0 or redis.call('HEXISTS', job, 'data') == 0 then
    return 0
  end
  redis.call('HDEL', job, 'sockq:lease')
  redis.call('HINCRBY', job, 'attemptsMade', -1)
  if crashed > 0 then
    redis.call('HINCRBY', job, 'sockq:crashes', crashed)
  end
  redis.call('RPUSH', ready_list(base), id)
  emit(base, 'waiting', 'jobId', id, 'prev', 'active')
  emit(base, 'stalled', 'jobId', id)
  return 1
end

-- The ids in `active`, latest taken first, and the lock of each (false: none).
local function active_and_locks(base)
  local ids = redis.call('LRANGE', base .. 'active', 0, -1)
  local locks = {}
  for first = 1, #ids, 1000 do
    local keys = {}
    for i = first, math.min(first + 999, #ids) do
      keys[#keys + 1] = base .. ids[i] .. ':lock'
    end
    local found = redis.call('MGET', unpack(keys))
    for i = 1, #keys do
      locks[first + i - 1] = found[i]
    end
  end
  return ids, locks
end

local function remove_job(job)
  redis.call('DEL', job, job .. ':logs', job .. ':processed', job .. ':dependencies', job .. ':lock')
end
