#!lua flags=allow-oom
-- Takes custody of the next part of the server's list.
--
-- KEYS  list, intake, front
-- Result  1 if more stands there

-- @include sockudo_v1_moving

return take_custody(KEYS[1], KEYS[2], KEYS[3])
