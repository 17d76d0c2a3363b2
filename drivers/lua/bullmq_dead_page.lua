#!lua flags=no-writes
-- One page of the failed jobs of all queues, oldest first.
--
-- KEYS  the wait list of each queue, and a key that is never there
-- ARGV  limit, and of the last one seen: time in ms or '', number of its queue, id
-- Result  {letters, cursor: {time, number, id} or {} at the end}
--         a letter is nine elements: number of its queue, id, time, data, timestamp, reason, attempt, crashes, state

-- @include bullmq_common

local limit, after, after_number, after_id = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local room_bytes = 16 * 1024 * 1024

-- The order of a sorted set; `<` depends on the server's locale.
local function is_behind(id, other)
  for i = 1, math.min(#id, #other) do
    local a, b = string.byte(id, i), string.byte(other, i)
    if a ~= b then
      return a > b
    end
  end
  return #id > #other
end

local found = {}
for number = 1, QUEUES do
  local failed = base_of(KEYS[number]) .. 'failed'
  local offset, count = 0, 0
  while count <= limit do
    local page = redis.call('ZRANGEBYSCORE', failed, after == '' and '-inf' or after, '+inf',
      'WITHSCORES', 'LIMIT', offset, limit + 1)
    for i = 1, #page, 2 do
      local id, score = page[i], page[i + 1]
      if score ~= after or number > after_number or (number == after_number and is_behind(id, after_id)) then
        count = count + 1
        found[#found + 1] = {number = number, id = id, text = score, score = tonumber(score), place = #found}
      end
    end
    offset = offset + limit + 1
    if #page < 2 * (limit + 1) then
      break
    end
  end
end
table.sort(found, function(a, b)
  if a.score ~= b.score then
    return a.score < b.score
  end
  return a.place < b.place
end)

local letters, looked = {}, 0
for i = 1, math.min(limit, #found) do
  if room_bytes <= 0 then
    break
  end
  looked = i
  local entry = found[i]
  local job = redis.call('HMGET', base_of(KEYS[entry.number]) .. entry.id, 'data', 'timestamp',
    'failedReason', 'attemptsMade', 'sockq:crashes', 'stalledCounter', 'sockq:state')
  if job[1] then
    room_bytes = room_bytes - #job[1]
    local crashes = (tonumber(job[5]) or 0) + (tonumber(job[6]) or 0)
    local letter = {entry.number, entry.id, entry.text, job[1], job[2] or '', job[3] or '',
      tonumber(job[4]) or 0, crashes, job[7] or ''}
    for k = 1, #letter do
      letters[#letters + 1] = letter[k]
    end
  end
end
if looked < #found and looked > 0 then
  return {letters, {found[looked].text, found[looked].number, found[looked].id}}
end
return {letters, {}}
