#!lua
-- Shared by the scripts of the Sockudo v1 list; included, never run.
--
-- A record is a job that sockq has touched, in one string:
--   "r1 IDLEN STATELEN REASONLEN ATTEMPT CRASHES;" ID STATE REASON PAYLOAD
-- Lengths are of bytes. ATTEMPT counts the charges before the present lease; REASON is of dead letters.
--
-- A receipt is PREFIX (25 hex digits, new for each claim, growing with time) and 7 digits:
--   1000001… for jobs that came as records, 2000001… for jobs that came as the server wrote them.
-- The lease of the first kind stores the record, of the second the bare payload; its id is the receipt.

local BARE = 50 -- "2", the digit that follows the prefix
local PREFIX_LENGTH = 25
local RECEIPT_LENGTH = 32

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function compose(id, state, reason, attempt, crashes, payload)
  return string.format('r1 %d %d %d %d %d;', #id, #state, #reason, attempt, crashes)
    .. id .. state .. reason .. payload
end

-- Returns id, state, attempt, crashes, payload of a record.
local function parse(record)
  local _, head, idlen, statelen, reasonlen, attempt, crashes =
    string.find(record, '^r1 (%d+) (%d+) (%d+) (%d+) (%d+);')
  local id_end = head + idlen
  local state_end = id_end + statelen
  return string.sub(record, head + 1, id_end), string.sub(record, id_end + 1, state_end),
    tonumber(attempt), tonumber(crashes), string.sub(record, state_end + reasonlen + 1)
end

-- The same of what a lease stores.
local function parse_leased(receipt, value)
  if string.byte(receipt, PREFIX_LENGTH + 1) == BARE then
    return receipt, '', 0, 0, value
  end
  return parse(value)
end

-- Moves what stands in the server's list behind our intake, in order, at most 1000 elements.
-- Returns 1 if more stands there.
local function take_custody(list, intake)
  local waiting = redis.call('LLEN', list)
  if waiting == 0 then
    return 0
  end
  if redis.call('LLEN', intake) == 0 then
    redis.call('RENAME', list, intake)
    redis.call('PERSIST', intake)
    return 0
  end
  local count = math.min(waiting, 1000)
  redis.call('PERSIST', intake) -- before 7.0 a full server lets a script go on once it has written
  redis.call('RPUSH', intake, unpack(redis.call('LRANGE', list, 0, count - 1)))
  redis.call('LTRIM', list, count, -1)
  return waiting > count and 1 or 0
end

-- Makes up to 100 due delayed jobs ready. A member is a receipt (to be unique) and a record.
local function promote_due(delayed, ready, now)
  for _ = 1, 10 do
    local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, 10)
    if #due == 0 then
      return
    end
    redis.call('PERSIST', ready) -- as above
    for i = 1, #due do
      redis.call('RPUSH', ready, string.sub(due[i], RECEIPT_LENGTH + 1))
    end
    redis.call('ZREMRANGEBYRANK', delayed, 0, #due - 1)
    if #due < 10 then
      return
    end
  end
end

-- Calls a variadic command with any number of arguments.
local function call_many(command, key, args)
  for first = 1, #args, 2000 do
    redis.call(command, key, unpack(args, first, math.min(first + 1999, #args)))
  end
end
