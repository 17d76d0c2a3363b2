#!lua flags=allow-oom
-- Leases jobs to an owner, about half of them from the ready records, half from the intake.
--
-- KEYS  list, intake, ready, delayed, deadlines, owners, leased (of this owner)
-- ARGV  limit, lease in ms, prefix of the receipts, owner,
--       1 if a single job is to come from the intake when both have some
-- Result  {records, payloads, 1 if more stands in the server's list, ms until the next delayed job or -1}
--         in the order of the receipts PREFIX1000001… and PREFIX2000001…

-- @include sockudo_v1_common

local list, intake, ready, delayed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local deadlines, owners, leased = KEYS[5], KEYS[6], KEYS[7]
local limit, lease_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local prefix, owner = ARGV[3], ARGV[4]
local DIGITS = {[0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'}
local room_bytes = 16 * 1024 * 1024 -- one answer stays of bounded size, but is never empty for it

local now = now_ms()
local more = take_custody(list, intake)
promote_due(delayed, ready, now)

local in_ready, in_intake = redis.call('LLEN', ready), redis.call('LLEN', intake)
if in_ready + in_intake == 0 then
  local next_due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  return {{}, {}, more, next_due[2] and math.max(0, next_due[2] - now) or -1}
end

local function lease(key, count, base)
  if count <= 0 or room_bytes <= 0 then
    return {}
  end
  local items = redis.call('LRANGE', key, 0, count - 1)
  local fields, tens = {}, nil
  for i = 1, count do
    local item = items[i]
    if room_bytes <= 0 then
      for j = count, i, -1 do
        items[j] = nil
      end
      break
    end
    room_bytes = room_bytes - #item
    local digit = i % 10
    if not tens or digit == 0 then -- turning numbers to text is dear: once for ten receipts
      tens = prefix .. (base + i - digit) / 10
    end
    fields[2 * i - 1] = tens .. DIGITS[digit]
    fields[2 * i] = item
  end
  call_many('HSET', leased, fields)
  redis.call('LTRIM', key, #items, -1)
  return items
end

local half = math.ceil(limit / 2)
if limit == 1 and ARGV[5] == '1' then
  half = 0
end
local from_ready = math.min(in_ready, math.max(half, limit - in_intake))
redis.call('PERSIST', leased) -- before 7.0 a full server lets a script go on once it has written
local records = lease(ready, from_ready, 1000000)
local payloads = lease(intake, math.min(in_intake, limit - from_ready), 2000000)
redis.call('ZADD', deadlines, now + lease_ms, 'b' .. prefix .. owner)
redis.call('ZADD', owners, now, owner)
return {records, payloads, more, 0}
