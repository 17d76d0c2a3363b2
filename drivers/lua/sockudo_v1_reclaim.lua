#!lua flags=allow-oom
-- Gives back what an owner held, to the front of the ready jobs in the order of its claims.
-- Its attempt is refunded; a crash is counted for those that were at work.
--
-- KEYS  ready, deadlines, leased, claims (of this owner), lists of claims…
-- ARGV  owner, most leases to end, marks of the jobs that are blamed, for each claim, latest first, its prefix, how many members of
--       deadlines follow, and these. None: all that it leased. Else what these say, if it has passed.
-- Result  number of leases that were ended

-- @include sockudo_v1_common
-- @include sockudo_v1_records
-- @include sockudo_v1_claims
-- @include sockudo_v1_leased
-- @include blamed

local ready, deadlines, leased, claims = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, bound, crash = ARGV[1], tonumber(ARGV[2]), crashes_of(ARGV[3])
local FIRST_LIST, now = 4, now_ms()
local ended, forgotten = 0, {}

-- Returns which of ARGV's members have passed (else extended or ended since they were listed), whether
-- the claim's own is among them, and the places of the others.
local function read_members(first, last)
  local members, together, places = {}, false, {}
  for i = first, last do
    local member = ARGV[i]
    local deadline = redis.call('ZSCORE', deadlines, member)
    if deadline and tonumber(deadline) <= now then
      members[#members + 1] = member
      if string.sub(member, 1, 1) == 'b' then
        together = true
      else
        places[tonumber(string.sub(member, 30, 33))] = true
      end
    end
  end
  return members, together, places
end

-- Ends leases of one claim, the last first: each goes before the others. Returns whether all are done.
local function give_back(prefix, list, first, last)
  local bytes, size = open_claim(claims, prefix)
  local members, together, places = read_members(first, last)
  local everything = last < first
  local moved, complete = {}, true
  for place = 8 * size, 1, -1 do
    local found, extended = is_leased(bytes, size, place)
    if found and (everything or places[place] or together and not extended) then
      if ended >= bound then
        complete = false
        break
      end
      local receipt = receipt_of(prefix, place, bytes)
      local id, state, attempt, crashes, payload = leased_job(list, place, receipt, bytes)
      if id then -- else somebody deleted it
        redis.call('LPUSH', ready, compose(id, state, '', attempt, crashes + crash(id), payload))
        moved[#moved + 1] = place
      end
      if extended then
        forgotten[#forgotten + 1] = 'x' .. receipt .. owner
      end
      end_lease(bytes, size, place)
      ended = ended + 1
    end
  end
  for i = 1, complete and #members or 0 do
    forgotten[#forgotten + 1] = members[i]
  end
  if size > 0 and close_claim(claims, prefix, list, bytes, size, moved) then
    forgotten[#forgotten + 1] = 'b' .. prefix .. owner
  end
  return complete
end

local at = 4
for c = 1, #KEYS - FIRST_LIST do
  local last = at + 1 + ARGV[at + 1]
  if not give_back(ARGV[at], KEYS[FIRST_LIST + c], at + 2, last) then
    break
  end
  at = last + 1
end
call_many('ZREM', deadlines, forgotten)
count_leases(leased, owner, -ended)
return ended
