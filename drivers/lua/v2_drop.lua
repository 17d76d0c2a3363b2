#!lua flags=allow-oom
-- Remove dead letters for good.
-- KEYS: see v2_common. ARGV: ids. Returns: for each id 1, or 0: no such dead letter.
-- @include v2_common

local results = {}
for i = 1, #ARGV do
  results[i] = call('ZREM', DLQ, ARGV[i])
  if results[i] == 1 then
    for _, hash in ipairs({JOBS, ATTEMPTS, MAXIMA, FAILURES}) do call('HDEL', hash, ARGV[i]) end
  end
end
return results
