#!lua
-- Add jobs in order, as the server's batch does: all, or none on the first conflict.
-- KEYS: see v2_common.
-- ARGV: 1 maximum attempts, 2 delay ms, 3 events kept, then id, stored payload for each job.
-- Returns: "" or the first id that is taken by another payload. A job that is there already, with the
-- same payload, is not added again.
-- @include v2_common
-- @include v2_note

local maximum, delay, retention = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ids = {}
for i = 4, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local stored = call('HMGET', JOBS, unpack(ids))
local here, new, jobs, attempts, maxima = {}, {}, {}, {}, {}
for i = 1, #ids do
  local id, payload = ids[i], ARGV[2 * i + 3]
  local present = here[id] or (stored[i] and split(stored[i]))
  if not present then
    here[id] = payload
    new[#new + 1] = id
    local n = 2 * #new
    jobs[n - 1], jobs[n] = id, payload
    attempts[n - 1], attempts[n] = id, 0
    maxima[n - 1], maxima[n] = id, maximum
  elseif present ~= payload then
    return id
  end
end
if #new == 0 then return '' end
local now = now_ms()
call('HSET', JOBS, unpack(jobs))
call('HSET', ATTEMPTS, unpack(attempts))
call('HSET', MAXIMA, unpack(maxima))
if delay > 0 then
  for i = 1, #new do call('ZADD', DELAYED, now + delay, new[i]) end
else
  call('LPUSH', WAIT, unpack(new))
end
wake()
emit(retention, 'enqueued', new, now)
return ''
