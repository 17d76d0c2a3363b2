#!lua flags=allow-oom
-- Makes dead letters ready again for a first attempt; the state stays: it says who is owed.
--
-- KEYS  dead, dead-jobs, ready
-- ARGV  for each its id, and the payload that goes back or '' for its own
-- Result  {0 or 1 for each}

-- @include sockudo_v1_records

local results = {}
for i = 1, #ARGV, 2 do
  local record = redis.call('HGET', KEYS[2], ARGV[i])
  results[#results + 1] = 0
  if record then
    local id, state, _, _, payload = parse(record)
    if ARGV[i + 1] ~= '' then
      payload = ARGV[i + 1]
    end
    redis.call('RPUSH', KEYS[3], compose(id, state, '', 0, 0, payload))
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('ZREM', KEYS[1], ARGV[i])
    results[#results] = 1
  end
end
return results
