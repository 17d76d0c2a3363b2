#!lua flags=allow-oom
-- Ends leases of one owner. Payloads never come from the client: records are made of what is leased.
--
-- KEYS  leased (of this owner), ready, delayed, dead, dead-jobs, counters
-- ARGV  dead letters kept (0: no limit), the receipts of acks in one string, and then groups of five:
--         'R' retry    receipt, delay in ms, state, -
--         'L' release  receipt, delay in ms, state, '1' if that state replaces the old one
--         'D' dead     receipt, reason, state, -
--       Releases without a delay come latest claimed first: each goes to the front.
-- Result  1 if every lease was this owner's, else {0 or 1 for each, acks first}

-- @include sockudo_v1_common

local leased, ready, delayed, dead, dead_jobs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local acks = ARGV[2]
local results, all = {}, 1
local call, sub = redis.call, string.sub

-- One by one: only so each answer is known.
for i = 1, #acks, RECEIPT_LENGTH do
  local removed = call('HDEL', leased, sub(acks, i, i + RECEIPT_LENGTH - 1))
  results[#results + 1] = removed
  if removed == 0 then
    all = 0
  end
end

local now = #ARGV > 2 and now_ms()

local function later(receipt, delay_ms, record)
  redis.call('ZADD', delayed, now + delay_ms, receipt .. record)
end

local function settle(op, receipt, what, state, replaces)
  local value = redis.call('HGET', leased, receipt)
  if not value then
    return 0
  end
  local id, old_state, attempt, crashes, payload = parse_leased(receipt, value)
  redis.call('PERSIST', leased) -- before 7.0 a full server lets a script go on once it has written
  if op == 'R' then
    local record = compose(id, state, '', attempt + 1, crashes, payload)
    if tonumber(what) > 0 then
      later(receipt, what, record)
    else
      redis.call('RPUSH', ready, record)
    end
  elseif op == 'L' then
    local record = compose(id, replaces == '1' and state or old_state, '', attempt, crashes, payload)
    if tonumber(what) > 0 then
      later(receipt, what, record)
    else
      redis.call('LPUSH', ready, record)
    end
  else
    redis.call('HSET', dead_jobs, id, compose(id, state, what, attempt + 1, crashes, payload))
    redis.call('ZADD', dead, now, id)
  end
  redis.call('HDEL', leased, receipt)
  return 1
end

for i = 3, #ARGV, 5 do
  local done = settle(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
  results[#results + 1] = done
  if done == 0 then
    all = 0
  end
end

local dead_limit = tonumber(ARGV[1])
if now and dead_limit > 0 then
  local excess = math.min(redis.call('ZCARD', dead) - dead_limit, 1000)
  if excess > 0 then
    redis.call('HDEL', dead_jobs, unpack(redis.call('ZRANGE', dead, 0, excess - 1)))
    redis.call('ZREMRANGEBYRANK', dead, 0, excess - 1)
    redis.call('HINCRBY', KEYS[6], 'trimmed', excess)
  end
end

return all == 1 and 1 or results
