#!lua flags=allow-oom
-- Ends leases, each if its lock still holds the lease's token.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  number of acks, three arguments for each ack: number of its
--       queue, id, token; and then groups of seven: the operation, the same three, and
--         'R' retry    delay in ms, state, -
--         'L' release  delay in ms, state, '1' if that state replaces the old one
--         'D' dead     reason, state, data to keep or '' for its own
-- Result  1 if every lease was held, else {0 or 1 for each, acks first}

-- @include bullmq_common
-- @include bullmq_removing

local acks = tonumber(ARGV[1])
local others_at = 2 + 3 * acks
local now = now_ms()

local bases, stalled, finished = {}, {}, {}
for i = 1, QUEUES do
  bases[i] = base_of(KEYS[i])
end

local lock_keys = {}
for i = 2, others_at - 1, 3 do
  lock_keys[#lock_keys + 1] = bases[tonumber(ARGV[i])] .. ARGV[i + 1] .. ':lock'
end
for i = others_at, #ARGV, 7 do
  lock_keys[#lock_keys + 1] = bases[tonumber(ARGV[i + 1])] .. ARGV[i + 2] .. ':lock'
end
local locks = redis.call('MGET', unpack(lock_keys))

-- Options of most jobs are the same text.
local last_text, last_options
local function options_of(text)
  if text ~= last_text then
    local ok, decoded = pcall(cjson.decode, text)
    last_text, last_options = text, ok and type(decoded) == 'table' and decoded or {}
  end
  return last_options
end

-- How many completed jobs, and of which age in s, are to be kept; 0: this one is removed, -1: all.
local function kept(remove)
  if remove == true then
    return 0, nil
  elseif type(remove) == 'number' then
    return remove, nil
  elseif type(remove) == 'table' then
    return tonumber(remove.count) or -1, tonumber(remove.age)
  end
  return -1, nil
end

-- Ends the activity of a job whose lease is held. True if it was active: only then it is ours.
local function deactivate(base, id)
  if redis.call('LREM', base .. 'active', -1, id) < 1 then
    return false
  end
  if stalled[base] == nil then
    stalled[base] = redis.call('EXISTS', base .. 'stalled')
  end
  if stalled[base] == 1 then
    redis.call('SREM', base .. 'stalled', id)
  end
  return true
end

local function finishing(base)
  if not finished[base] then
    finished[base] = true
    trim_events(base)
  end
end

local function complete(base, id, job)
  local text = redis.call('HGET', job, 'opts')
  if not deactivate(base, id) then
    return 0
  end
  finishing(base)
  local count, age = kept(options_of(text or '{}').removeOnComplete)
  if count == 0 then
    redis.call('DEL', job, job .. ':logs', job .. ':processed', job .. ':lock')
  else
    local completed = base .. 'completed'
    redis.call('DEL', job .. ':lock')
    redis.call('HSET', job, 'returnvalue', 'null', 'finishedOn', now)
    redis.call('HDEL', job, 'sockq:lease', 'sockq:state', 'sockq:crashes')
    redis.call('ZADD', completed, now, id)
    if age then
      remove_all(base, completed, redis.call('ZRANGEBYSCORE', completed, '-inf', now - age * 1000, 'LIMIT', 0, 1000))
    end
    if count > 0 then
      local surplus = math.min(redis.call('ZCARD', completed) - count, 1000)
      if surplus > 0 then
        remove_all(base, completed, redis.call('ZRANGE', completed, 0, surplus - 1))
      end
    end
  end
  emit(base, 'completed', 'jobId', id, 'returnvalue', 'null')
  return 1
end

local function keep_state(job, state)
  if state == '' then
    redis.call('HDEL', job, 'sockq:lease', 'sockq:state')
  else
    redis.call('HDEL', job, 'sockq:lease')
    redis.call('HSET', job, 'sockq:state', state)
  end
end

local function bury(base, id, job, reason, state, data)
  finishing(base)
  keep_state(job, state)
  if data ~= '' then
    redis.call('HSET', job, 'data', data)
  end
  redis.call('HSET', job, 'failedReason', reason, 'stacktrace', cjson.encode({reason}), 'finishedOn', now)
  redis.call('ZADD', base .. 'failed', now, id)
  emit(base, 'failed', 'jobId', id, 'failedReason', reason)
  local fields = redis.call('HMGET', job, 'opts', 'attemptsMade')
  local attempts = tonumber(options_of(fields[1] or '{}').attempts) or 0
  if (tonumber(fields[2]) or 0) >= attempts then
    emit(base, 'retries-exhausted', 'jobId', id, 'attemptsMade', fields[2] or 0)
  end
end

local function settle(op, base, id, job, what, state, more)
  if redis.call('HEXISTS', job, 'data') == 0 or not deactivate(base, id) then
    return 0
  end
  redis.call('DEL', job .. ':lock')
  if op == 'D' then
    bury(base, id, job, what, state, more)
    return 1
  end
  if op == 'R' or more == '1' then
    keep_state(job, state)
  else
    redis.call('HDEL', job, 'sockq:lease')
  end
  if op == 'L' then
    redis.call('HINCRBY', job, 'attemptsMade', -1)
  end
  if tonumber(what) > 0 then
    delay_until(base, id, now + what)
  elseif op == 'L' then
    redis.call('RPUSH', ready_list(base), id)
    emit(base, 'waiting', 'jobId', id, 'prev', 'active')
  else
    local lifo = options_of(redis.call('HGET', job, 'opts') or '{}').lifo == true
    redis.call(lifo and 'RPUSH' or 'LPUSH', ready_list(base), id)
    emit(base, 'waiting', 'jobId', id, 'prev', 'failed')
  end
  return 1
end

local results, all, n = {}, 1, 0

local function held(job, token)
  n = n + 1
  if locks[n] then
    return locks[n] == token
  end
  return still_leased(job, token)
end

local function note(done)
  results[n] = done
  if done == 0 then
    all = 0
  end
end

for i = 2, others_at - 1, 3 do
  local base, id = bases[tonumber(ARGV[i])], ARGV[i + 1]
  local job = base .. id
  note(held(job, ARGV[i + 2]) and complete(base, id, job) or 0)
end
for i = others_at, #ARGV, 7 do
  local base, id = bases[tonumber(ARGV[i + 1])], ARGV[i + 2]
  local job = base .. id
  note(held(job, ARGV[i + 3]) and settle(ARGV[i], base, id, job, ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]) or 0)
end

for base in pairs(finished) do
  if redis.call('LLEN', base .. 'wait') == 0 and redis.call('LLEN', base .. 'active') == 0 then
    emit(base, 'drained')
  end
end
return all == 1 and 1 or results
