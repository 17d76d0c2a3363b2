#!lua flags=allow-oom
-- Takes custody of the next part of the server's list.
--
-- KEYS  list, intake
-- Result  1 if more stands there

-- @include sockudo_v1_common

return take_custody(KEYS[1], KEYS[2])
