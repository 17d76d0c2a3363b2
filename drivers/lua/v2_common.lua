#!lua
-- Included by every v2_*.lua script: the keys of one Sockudo 5 queue and the steps they share.
-- KEYS: the queue's 16 keys in the order below, all in one cluster slot.
local JOBS, WAIT, INLINE, INLINE_COUNT = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local DELAYED, ACTIVE, TOKENS, ATTEMPTS = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local MAXIMA, DLQ, FAILURES, COMPLETED = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local NOTIFY, EVENTS = KEYS[15], KEYS[16]

local call = redis.call

-- Unix ms of this Redis. Sockudo's own workers use their hosts' clocks; see sockudo_v2.py.
local function now_ms()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A number as text once: every call with a number formats it anew, which costs more than the rest.
local function whole(number)
  return string.format('%.0f', number)
end

-- One lifecycle event for each id, as the server writes them.
local function emit(retention, name, ids, now)
  if retention <= 0 then return end
  local cap, stamp = whole(retention), whole(now)
  for i = 1, #ids do
    call('XADD', EVENTS, 'MAXLEN', '~', cap, '*',
      'event', name, 'job_id', ids[i], 'timestamp', stamp)
  end
end

-- A wake-up hint for whoever waits; the list is capped as the server caps it.
local function wake()
  if call('LPUSH', NOTIFY, '1') > 1024 then call('LTRIM', NOTIFY, 0, 1023) end
end

-- Remove the oldest members of `set` with all that is kept about them, 2,000 at most.
-- Returns how many there were to remove.
local function remove_oldest(set, number)
  local excess = math.min(number, 2000)
  local removed = math.max(excess, 0)
  while excess > 0 do
    local ids = call('ZRANGE', set, 0, math.min(excess, 500) - 1)
    call('ZREM', set, unpack(ids))
    call('HDEL', JOBS, unpack(ids))
    call('HDEL', ATTEMPTS, unpack(ids))
    call('HDEL', MAXIMA, unpack(ids))
    call('HDEL', FAILURES, unpack(ids))
    excess = excess - #ids
  end
  return removed
end

-- Remove the oldest members beyond `limit`; a lowered limit is reached in steps.
local function trim(set, limit)
  remove_oldest(set, call('ZCARD', set) - limit)
end
