#!lua flags=allow-oom
-- End expired leases of anybody and make due jobs ready, bounded.
-- KEYS: see v2_common.
-- ARGV: 1 most to sweep, 2 attempts where a job has no maximum, 3 events kept.
-- Returns: how many leases ended.
-- @include v2_common
-- @include v2_note
-- @include v2_expiry

local ended, ready = sweep(now_ms(), tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
if ready > 0 then wake() end
return ended
