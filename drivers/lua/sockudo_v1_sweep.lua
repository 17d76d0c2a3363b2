#!lua flags=allow-oom
-- Takes custody, makes due jobs ready, and tells what has expired (reclaim ends it, owner by owner).
--
-- KEYS  list, intake, front, ready, delayed, deadlines
-- ARGV  most expired members to return
-- Result  {1 if more stands in the server's list, {members of deadlines that have passed}}

-- @include sockudo_v1_common
-- @include sockudo_v1_moving

local now = now_ms()
local more = take_custody(KEYS[1], KEYS[2], KEYS[3])
promote_due(KEYS[5], KEYS[4], text_of(now))
return {more, redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now, 'LIMIT', 0, ARGV[1])}
