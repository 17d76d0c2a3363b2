#!lua
-- Shared by the scripts of the Sockudo v1 list; included, never run.
--
-- A record is a job that sockq has touched, in one string:
--   "r1 IDLEN STATELEN REASONLEN ATTEMPT CRASHES;" ID STATE REASON PAYLOAD
-- Lengths are of bytes. ATTEMPT counts the charges before the present lease; REASON is of dead letters.
--
-- A receipt is PREFIX (25 hex digits, new for each claim, growing with time) and 7 digits: the place
-- in the claim (from 1), plus 1000000 for a record and 2000000 for a job as the server wrote it (bare).
-- A bare job's id is its first receipt.
--
-- The number of leases that each owner holds stands in one hash, `leased`.
--
-- What runs for every claim and ack gives Redis text and not numbers, which it would print with 17
-- digits, returns no more tables than one and declares few keys: each is dearer than a command.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function text_of(number)
  return string.format('%d', number)
end

-- Counts leases that an owner got or, below 0, that have ended.
local function count_leases(leased, owner, number)
  if number ~= 0 and redis.call('HINCRBY', leased, owner, text_of(number)) == 0 then
    redis.call('HDEL', leased, owner)
  end
end
