#!lua flags=allow-oom
-- Takes custody, makes due jobs ready, and tells what has expired (reclaim ends it, owner by owner).
--
-- KEYS  list, intake, ready, delayed, deadlines
-- ARGV  most expired members to return
-- Result  {1 if more stands in the server's list, {members of deadlines that have passed}}

-- @include sockudo_v1_common

local now = now_ms()
local more = take_custody(KEYS[1], KEYS[2])
promote_due(KEYS[4], KEYS[3], now)
return {more, redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now, 'LIMIT', 0, ARGV[1])}
