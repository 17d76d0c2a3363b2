#!lua flags=allow-oom
-- Leases jobs to an owner, a fair share of each queue, in the order of the queue.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  limit, lease in ms, token, number of the queue that comes first
-- Result  {jobs, ms until the next delayed job or -1, ids of the last event of each queue if there are no jobs}
--         a job is seven elements: number of its queue, id, data, timestamp, attempt, crashes, state

-- @include bullmq_common

local limit, lease_ms, token, first = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local room_bytes = 16 * 1024 * 1024 -- one answer stays of bounded size, but is never empty for it
local now = now_ms()
local now_text = whole(now) -- turning numbers to text is dear: once for all jobs
local jobs, next_due = {}, -1
local call = redis.call

-- Returns how many elements it took off the list, and how many of them were jobs.
local function take(number, base, most)
  local wait, active = base .. 'wait', base .. 'active'
  local ids = redis.call('LRANGE', wait, -most, -1)
  local taken, found, seen = {}, {}, 0
  for i = #ids, 1, -1 do
    if room_bytes <= 0 then
      break
    end
    seen = seen + 1
    local id = ids[i]
    -- What is no job (its hash gone, a key of another type) is taken off the list and forgotten.
    local job = redis.pcall('HMGET', base .. id,
      'data', 'timestamp', 'attemptsMade', 'stalledCounter', 'sockq:crashes', 'sockq:state')
    if job.err and not string.find(job.err, 'WRONGTYPE', 1, true) then
      return error(job.err)
    end
    if job[1] then
      room_bytes = room_bytes - #job[1]
      taken[#taken + 1] = id
      found[#found + 1] = job
    end
  end
  if seen == 0 then
    return 0, 0
  end
  redis.call('PERSIST', wait) -- before 7.0 a full server lets a script go on once it has written
  if #taken > 0 then
    redis.call('LPUSH', active, unpack(taken))
  end
  redis.call('LTRIM', wait, 0, -seen - 1)

  local prioritised = redis.call('EXISTS', base .. 'priority') == 1
  local events = base .. 'events'
  for i = 1, #taken do
    local id, job = taken[i], found[i]
    local key = base .. id
    local attempt = (tonumber(job[3]) or 0) + 1
    local crashes = tonumber(job[5]) or 0
    call('SET', key .. ':lock', token, 'PX', lease_ms)
    if prioritised then
      call('ZREM', base .. 'priority', id)
    end
    call('XADD', events, '*', 'event', 'active', 'jobId', id, 'prev', 'waiting')
    call('HSET', key, 'processedOn', now_text, 'attemptsMade', attempt == 1 and '1' or attempt, 'sockq:lease', token)
    if job[4] then
      -- BullMQ's schedulers throw away what stalls twice. A lock that ran out blames nobody here.
      redis.call('HDEL', key, 'stalledCounter')
    end
    local at = #jobs
    jobs[at + 1], jobs[at + 2], jobs[at + 3], jobs[at + 4] = number, id, job[1], job[2] or ''
    jobs[at + 5], jobs[at + 6], jobs[at + 7] = attempt, crashes, job[6] or ''
  end
  return seen, #taken
end

local queues = {}
for n = 0, QUEUES - 1 do
  local number = (first + n - 1) % QUEUES + 1
  local base = base_of(KEYS[number])
  local due = promote_due(base, now)
  if due >= 0 and (next_due < 0 or due < next_due) then
    next_due = due
  end
  local length = redis.call('LLEN', KEYS[number])
  if length > 0 then
    queues[#queues + 1] = {number = number, base = base, length = length}
  end
end

local left = limit
while left > 0 and #queues > 0 and room_bytes > 0 do
  local more = {}
  for n = 1, #queues do
    local queue = queues[n]
    local share = math.min(math.ceil(left / (#queues - n + 1)), queue.length, 256)
    if share > 0 then
      local seen, count = take(queue.number, queue.base, share)
      left = left - count
      queue.length = queue.length - seen
    end
    if queue.length > 0 then
      more[#more + 1] = queue
    end
  end
  queues = more
end

local last_events = {}
if #jobs == 0 then
  for i = 1, QUEUES do
    local last = redis.call('XREVRANGE', base_of(KEYS[i]) .. 'events', '+', '-', 'COUNT', 1)
    last_events[i] = last[1] and last[1][1] or '0-0'
  end
end
return {jobs, next_due, last_events}
