#!lua flags=allow-oom
-- Gives back what a dead owner held in one queue, so that the job it took first is next to run.
--
-- KEYS  the wait list of the queue, and a key that is never there
-- ARGV  owner, most jobs to give back, marks of the jobs that are blamed
-- Result  how many were given back

-- @include bullmq_common
-- @include blamed

local base, owner, most = base_of(KEYS[1]), ARGV[1], tonumber(ARGV[2])
local crash = crashes_of(ARGV[3])
local queue = string.match(base, '([^:]+):$')

-- The id of a job as users see it (see bullmq_format.py).
local function shown(id)
  if not string.find(id, '^%d+$') then
    return id
  end
  return queue .. ':' .. id .. '@' .. (redis.call('HGET', base .. id, 'timestamp') or '')
end

local ids, locks = active_and_locks(base)
local ended = 0
for i = 1, #ids do
  if ended >= most then
    break
  end
  local token = locks[i] or redis.call('HGET', base .. ids[i], 'sockq:lease')
  if token and owner_of(token) == owner and (locks[i] or still_leased(base .. ids[i], token)) then
    ended = ended + give_back(base, ids[i], crash(shown(ids[i])))
  end
end
return ended
