#!lua flags=allow-oom
-- Make dead letters ready again: attempt 0, no crashes; the note's state stays: who is owed.
-- KEYS: see v2_common. ARGV: 1 events kept, then for each its id, and what is stored
-- in the place of its payload or "" for that.
-- Returns: for each id 1, or 0 where there is no such dead letter, or nothing left of it, or it was
-- quarantined as unreadable: nobody could deliver it, and a worker of the server would lose its whole
-- claim over bytes that are not text. A job whose secret was taken out is unreadable to the server only.
-- @include v2_common
-- @include v2_note

local results, moved = {}, {}
for i = 2, #ARGV, 2 do
  local id, instead = ARGV[i], ARGV[i + 1]
  results[#results + 1] = 0
  local stored = call('HGET', JOBS, id)
  local readable = call('HGET', FAILURES, id) ~= 'invalid-envelope'
    or stored and string.find(stored, '"app_secret":null', 1, true)
  if readable and call('ZREM', DLQ, id) == 1 then
    call('HDEL', FAILURES, id)
    if stored then
      local bare, crashes, state = split(stored)
      if instead ~= '' then bare = instead end
      if crashes > 0 or instead ~= '' then call('HSET', JOBS, id, join(bare, 0, state)) end
      call('HSET', ATTEMPTS, id, 0)
      call('LPUSH', WAIT, id)
      moved[#moved + 1] = id
      results[#results] = 1
    else
      call('HDEL', ATTEMPTS, id)
      call('HDEL', MAXIMA, id)
    end
  end
end
if #moved > 0 then
  emit(tonumber(ARGV[1]), 'replayed', moved, now_ms())
  wake()
end
return results
