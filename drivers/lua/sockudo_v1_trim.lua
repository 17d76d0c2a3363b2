#!lua flags=allow-oom
-- Removes the oldest dead letters beyond a number, and those beyond an age; at most 1000 a call.
--
-- KEYS  dead, dead-jobs
-- ARGV  how many are kept (0: no limit), for how many ms (0: no limit)
-- Result  how many were removed

-- @include sockudo_v1_common

local dead, dead_jobs = KEYS[1], KEYS[2]
local most, age = tonumber(ARGV[1]), tonumber(ARGV[2])
local surplus = most > 0 and redis.call('ZCARD', dead) - most or 0
local old = age > 0 and redis.call('ZCOUNT', dead, '-inf', '(' .. text_of(now_ms() - age)) or 0
local count = math.min(math.max(surplus, old), 1000)
if count <= 0 then
  return 0
end
redis.call('HDEL', dead_jobs, unpack(redis.call('ZRANGE', dead, 0, count - 1)))
redis.call('ZREMRANGEBYRANK', dead, 0, count - 1)
return count
