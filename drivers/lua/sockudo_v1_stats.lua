#!lua flags=no-writes
-- Counts.
--
-- KEYS  list, intake, front, ready, delayed, dead, leased
-- Result  {ready, leased, delayed, dead, age of the oldest ready job in ms or -1}

-- @include sockudo_v1_common
-- @include sockudo_v1_records

local oldest
local ready = 0
for i = 1, 4 do
  ready = ready + redis.call('LLEN', KEYS[i])
  local head = redis.call('LINDEX', KEYS[i], 0)
  if head then
    if i == 4 then
      head = select(5, parse(head))
    end
    local time = tonumber(string.match(head, '"time_ms"%s*:%s*(%d+)'))
    oldest = time and math.min(time, oldest or time) or oldest
  end
end

local leased, counts = 0, redis.call('HVALS', KEYS[7])
for i = 1, #counts do
  leased = leased + counts[i]
end

return {
  ready,
  leased,
  redis.call('ZCARD', KEYS[5]),
  redis.call('ZCARD', KEYS[6]),
  oldest and math.max(0, now_ms() - oldest) or -1,
}
