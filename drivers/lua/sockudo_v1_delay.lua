#!lua
-- Enqueues jobs that become ready later.
--
-- KEYS  delayed
-- ARGV  delay in ms, members (receipt and record)…

-- @include sockudo_v1_common

local due = now_ms() + ARGV[1]
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], due, ARGV[i])
end
return 1
