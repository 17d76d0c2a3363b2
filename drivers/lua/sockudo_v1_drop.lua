#!lua flags=allow-oom
-- Removes dead letters for good.
--
-- KEYS  dead, dead-jobs
-- ARGV  ids…
-- Result  {0 or 1 for each}

local results = {}
for i = 1, #ARGV do
  redis.call('ZREM', KEYS[1], ARGV[i])
  results[i] = redis.call('HDEL', KEYS[2], ARGV[i])
end
return results
