#!lua
-- Finds failed jobs; included, never run.

-- Returns the base of the queue that has this failed job, or nil. Number 0: whichever.
local function find_dead(number, id, timestamp)
  for i = 1, QUEUES do
    if number == 0 or number == i then
      local base = base_of(KEYS[i])
      if redis.call('ZSCORE', base .. 'failed', id)
        and (timestamp == '' or redis.call('HGET', base .. id, 'timestamp') == timestamp) then
        return base
      end
    end
  end
  return nil
end
