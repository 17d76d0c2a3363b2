#!lua flags=allow-oom
-- Makes dead letters ready again for a first attempt; the state stays: it says who is owed.
--
-- KEYS  dead, dead-jobs, ready
-- ARGV  ids…
-- Result  {0 or 1 for each}

-- @include sockudo_v1_records

local results = {}
for i = 1, #ARGV do
  local record = redis.call('HGET', KEYS[2], ARGV[i])
  results[i] = 0
  if record then
    local id, state, _, _, payload = parse(record)
    redis.call('RPUSH', KEYS[3], compose(id, state, '', 0, 0, payload))
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('ZREM', KEYS[1], ARGV[i])
    results[i] = 1
  end
end
return results
