#!lua flags=no-writes
-- Counts all queues.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  none
-- Result  {ready, leased, delayed or in a paused queue, dead, age in ms of the oldest ready job or -1}

-- @include bullmq_common

local now = now_ms()
local ready, leased, delayed, dead, oldest = 0, 0, 0, 0, -1
for i = 1, QUEUES do
  local base = base_of(KEYS[i])
  ready = ready + redis.call('LLEN', KEYS[i])
  leased = leased + redis.call('LLEN', base .. 'active')
  delayed = delayed + redis.call('ZCARD', base .. 'delayed') + redis.call('LLEN', base .. 'paused')
  dead = dead + redis.call('ZCARD', base .. 'failed')
  local id = redis.call('LINDEX', KEYS[i], -1)
  local since = id and tonumber(redis.call('HGET', base .. id, 'timestamp') or nil)
  if since then
    oldest = math.max(oldest, now - since, 0)
  end
end
return {ready, leased, delayed, dead, oldest}
