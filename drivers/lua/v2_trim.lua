#!lua flags=allow-oom
-- Remove the oldest dead letters beyond a number, and those beyond an age; at most 2,000 a call.
-- KEYS: see v2_common. ARGV: 1 how many are kept (0: all), 2 for how many ms (0: for ever).
-- Returns: how many were removed.
-- @include v2_common

local most, age = tonumber(ARGV[1]), tonumber(ARGV[2])
local surplus = most > 0 and call('ZCARD', DLQ) - most or 0
local old = age > 0 and call('ZCOUNT', DLQ, '-inf', '(' .. whole(now_ms() - age)) or 0
return remove_oldest(DLQ, math.max(surplus, old))
