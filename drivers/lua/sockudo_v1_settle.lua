#!lua flags=allow-oom
-- Ends leases of one owner. Records are made of what is leased: payloads come from the client only where
-- a dead letter is to be kept with another one.
--
-- KEYS  ready, delayed, dead, dead-jobs, deadlines, leased, claims (of this owner),
--       lists of claims…
-- ARGV  owner, for each claim its prefix and the bitmap of its acks,
--       and then groups of six:
--         'R' retry    number of the claim, place, delay in ms, state, -
--         'L' release  number of the claim, place, delay in ms, state, '1' if that state replaces the old one
--         'D' dead     number of the claim, place, reason, state, payload to keep or '' for its own
--       Releases without a delay come latest claimed first: each goes to the front.
-- Result  0 if every lease was this owner's, else {for each claim the bitmap of acks of others or '',
--         numbers (from 1) of groups of others…}

-- @include sockudo_v1_common
-- @include sockudo_v1_records
-- @include sockudo_v1_claims
-- @include sockudo_v1_leased

local ready, delayed, dead, dead_jobs = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local deadlines, leased, claims = KEYS[5], KEYS[6], KEYS[7]
local owner = ARGV[1]
local FIRST_LIST, count = 7, #KEYS - 7
local opened, refused, any = {}, {}, false
local ended, forgotten = 0, {}

for c = 1, count do
  local prefix = ARGV[2 * c]
  local bytes, size = open_claim(claims, prefix)
  local number, others = end_leases(bytes, size, ARGV[2 * c + 1], prefix, owner, forgotten)
  opened[c] = {
    prefix = prefix, list = KEYS[FIRST_LIST + c], bytes = bytes, size = size, changed = number > 0, moved = {},
  }
  refused[c] = others
  any = any or others ~= ''
  ended = ended + number
end

local now = now_ms()

-- Returns whether the lease was this owner's.
local function settle(op, claim, place, what, state, more)
  local prefix, bytes, size = claim.prefix, claim.bytes, claim.size
  local found, extended = is_leased(bytes, size, place)
  if not found then
    return false
  end
  local receipt = receipt_of(prefix, place, bytes)
  if extended then
    forgotten[#forgotten + 1] = 'x' .. receipt .. owner
  end
  end_lease(bytes, size, place)
  ended = ended + 1
  claim.changed = true
  local id, old_state, attempt, crashes, payload = leased_job(claim.list, place, receipt, bytes)
  if not id then -- somebody deleted it
    return false
  end
  claim.moved[#claim.moved + 1] = place
  if op == 'D' then
    if more ~= '' then
      payload = more
    end
    redis.call('HSET', dead_jobs, id, compose(id, state, what, attempt + 1, crashes, payload))
    redis.call('ZADD', dead, now, id)
    return true
  end
  if op == 'R' then
    attempt = attempt + 1
  elseif more == '' then
    state = old_state
  end
  local record = compose(id, state, '', attempt, crashes, payload)
  if tonumber(what) > 0 then
    redis.call('ZADD', delayed, now + what, receipt .. record)
  else
    redis.call(op == 'R' and 'RPUSH' or 'LPUSH', ready, record)
  end
  return true
end

local FIRST_GROUP = 2 * count + 2
for i = FIRST_GROUP, #ARGV, 6 do
  local claim, place = opened[tonumber(ARGV[i + 1])], tonumber(ARGV[i + 2])
  if not settle(ARGV[i], claim, place, ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]) then
    refused[#refused + 1] = (i - FIRST_GROUP) / 6 + 1
    any = true
  end
end

for c = 1, count do
  local claim = opened[c]
  if claim.changed
    and close_claim(claims, claim.prefix, claim.list, claim.bytes, claim.size, claim.moved) then
    forgotten[#forgotten + 1] = 'b' .. claim.prefix .. owner
  end
end
call_many('ZREM', deadlines, forgotten)
count_leases(leased, owner, -ended)

return any and refused or 0
