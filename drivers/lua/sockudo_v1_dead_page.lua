#!lua flags=no-writes
-- One page of dead letters, oldest first.
--
-- KEYS  dead, dead-jobs
-- ARGV  limit, time and id of the last letter seen ('' and '': from the start)
-- Result  {id, died at ms, record, …, 1 if there are more}

local dead, dead_jobs = KEYS[1], KEYS[2]
local limit, time, id = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local first = 0

if time ~= '' then
  local rank = redis.call('ZSCORE', dead, id) == time and redis.call('ZRANK', dead, id)
  if rank then
    first = rank + 1
  else -- gone since: go on behind where it stood
    first = redis.call('ZCOUNT', dead, '-inf', '(' .. time)
    local same = redis.call('ZRANGEBYSCORE', dead, time, time)
    for i = 1, #same do
      if same[i] < id then
        first = first + 1
      end
    end
  end
end

local found = redis.call('ZRANGE', dead, first, first + limit, 'WITHSCORES')
local page = {}
for i = 1, math.min(#found, 2 * limit), 2 do
  local record = redis.call('HGET', dead_jobs, found[i])
  if record then
    page[#page + 1] = found[i]
    page[#page + 1] = found[i + 1]
    page[#page + 1] = record
  end
end
page[#page + 1] = #found > 2 * limit and 1 or 0
return page
