#!lua flags=allow-oom
-- Leases jobs to an owner, about half of them ready records, half as the server wrote them.
--
-- KEYS  list, intake, front, ready, delayed, deadlines, leased, claims (of this owner), list of this claim
-- ARGV  limit (at most 1000), lease in ms, prefix of the receipts, owner,
--       1 if a single job is to be one of the latter when there are both
-- Result  {record…, payload…, number of records, 1 if more stands in the server's list,
--         ms until the next delayed job or -1, 1 if anybody holds a job}
--         in the order of the receipts; -1 and 0 beside jobs

-- @include sockudo_v1_common
-- @include sockudo_v1_moving

local list, intake, front, ready, delayed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local deadlines, leased, claims, claim = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local limit, prefix, owner = tonumber(ARGV[1]), ARGV[3], ARGV[4]
local room_bytes = 16 * 1024 * 1024 -- one answer stays of bounded size, but is never empty for it

local now = now_ms()
local more = take_custody(list, intake, front)
promote_due(delayed, ready, text_of(now))

local in_ready, in_front = redis.call('LLEN', ready), redis.call('LLEN', front)
local bare = in_front + redis.call('LLEN', intake)
if in_ready + bare == 0 then
  local next_due = redis.call('ZRANGE', delayed, '0', '0', 'WITHSCORES')
  return {0, more, next_due[2] and math.max(0, next_due[2] - now) or -1, redis.call('EXISTS', leased)}
end

local items = {}

-- Moves the head of a list to the claim.
local function lease(key, count)
  if count <= 0 or room_bytes <= 0 then
    return
  end
  local taken = redis.call('LRANGE', key, '0', text_of(count - 1))
  for i = 1, count do
    if room_bytes <= 0 then
      for j = count, i, -1 do
        taken[j] = nil
      end
      break
    end
    room_bytes = room_bytes - #taken[i]
  end
  redis.call('RPUSH', claim, unpack(taken))
  redis.call('LTRIM', key, text_of(#taken), '-1')
  if #items == 0 then
    items = taken
  else
    local before = #items
    for i = 1, #taken do
      items[before + i] = taken[i]
    end
  end
end

local half = math.ceil(limit / 2)
if limit == 1 and ARGV[5] == '1' then
  half = 0
end
local from_ready = math.min(in_ready, math.max(half, limit - bare))
lease(ready, from_ready)
local records = #items
local from_front = math.min(in_front, limit - from_ready)
lease(front, from_front)
lease(intake, math.min(bare - in_front, limit - from_ready - from_front))

-- The claim's entry; see sockudo_v1_claims.
local count = #items
local rest = count % 8
local leases = string.rep('\255', (count - rest) / 8) .. (rest > 0 and string.char(2 ^ rest - 1) or '')
redis.call('HSET', claims, prefix,
  string.char(math.floor(records / 256), records % 256) .. leases .. string.rep('\0', #leases))
redis.call('ZADD', deadlines, text_of(now + ARGV[2]), 'b' .. prefix .. owner)
count_leases(leased, owner, count)
items[count + 1], items[count + 2], items[count + 3], items[count + 4] = records, more, -1, 0
return items
