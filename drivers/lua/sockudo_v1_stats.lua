#!lua flags=no-writes
-- Counts.
--
-- KEYS  list, intake, ready, delayed, dead, leased (of each owner)…
-- Result  {ready, leased, delayed, dead, age of the oldest ready job in ms or -1}

-- @include sockudo_v1_common

local oldest
for i = 1, 3 do
  local head = redis.call('LINDEX', KEYS[i], 0)
  if head then
    if i == 3 then
      head = select(5, parse(head))
    end
    local time = tonumber(string.match(head, '"time_ms"%s*:%s*(%d+)'))
    oldest = time and math.min(time, oldest or time) or oldest
  end
end

local leased = 0
for i = 6, #KEYS do
  leased = leased + redis.call('HLEN', KEYS[i])
end

return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3]),
  leased,
  redis.call('ZCARD', KEYS[4]),
  redis.call('ZCARD', KEYS[5]),
  oldest and math.max(0, now_ms() - oldest) or -1,
}
