#!lua
-- What claims and sweeps do first: custody, and delayed jobs that are due; included, never run.

-- Jobs as the server wrote them stand in two lists of ours, `front` before `intake`, so that a whole
-- backlog can be taken by its name: copying costs about as much as claiming.

-- Moves what stands in the server's list behind our intake, in order; at most 1000 elements if they
-- have to be copied. Returns 1 if more stands there.
local function take_custody(list, intake, front)
  local waiting = redis.call('LLEN', list)
  if waiting == 0 then
    return 0
  end
  local is_free = redis.call('EXISTS', intake) == 0
  if not is_free and redis.call('EXISTS', front) == 0 then
    redis.call('RENAME', intake, front)
    is_free = true
  end
  if is_free then
    redis.call('RENAME', list, intake)
    redis.call('PERSIST', intake)
    return 0
  end
  local count = math.min(waiting, 1000)
  redis.call('RPUSH', intake, unpack(redis.call('LRANGE', list, 0, count - 1)))
  redis.call('LTRIM', list, count, -1)
  return waiting > count and 1 or 0
end

-- Makes up to 100 due delayed jobs ready. A member is a receipt of 32 bytes (to be unique) and a record.
local function promote_due(delayed, ready, now)
  for _ = 1, 10 do
    local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', '0', '10')
    if #due == 0 then
      return
    end
    for i = 1, #due do
      redis.call('RPUSH', ready, string.sub(due[i], 33))
    end
    redis.call('ZREMRANGEBYRANK', delayed, 0, #due - 1)
    if #due < 10 then
      return
    end
  end
end
