#!lua flags=allow-oom
-- Gives back what an owner held, to the front of the ready jobs in the order of its claims.
-- Its attempt is refunded and a crash counted.
--
-- KEYS  leased (of this owner), ready, deadlines, owners
-- ARGV  owner, most leases to end, members of deadlines… (none: everything that the owner holds)
--         'b' PREFIX OWNER   the jobs of one claim, but for those that were extended
--         'x' RECEIPT OWNER  one job that was extended
-- Result  number of leases that were ended

-- @include sockudo_v1_common

local leased, ready, deadlines, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local owner, bound = ARGV[1], tonumber(ARGV[2])
local found, passed = {}, {}

if #ARGV == 2 then
  found = redis.call('HKEYS', leased)
else
  local now = now_ms()
  local claims, any = {}, false
  for i = 3, #ARGV do
    local member = ARGV[i]
    local deadline = redis.call('ZSCORE', deadlines, member)
    if deadline and tonumber(deadline) <= now then -- else extended or given back since it was listed
      passed[#passed + 1] = member
      if string.sub(member, 1, 1) == 'b' then
        claims[string.sub(member, 2, PREFIX_LENGTH + 1)] = true
        any = true
      else
        found[#found + 1] = string.sub(member, 2, RECEIPT_LENGTH + 1)
      end
    end
  end
  if any then
    local receipts = redis.call('HKEYS', leased)
    for i = 1, #receipts do
      local receipt = receipts[i]
      if claims[string.sub(receipt, 1, PREFIX_LENGTH)]
        and not redis.call('ZSCORE', deadlines, 'x' .. receipt .. owner) then
        found[#found + 1] = receipt
      end
    end
  end
end

-- Receipts sort in the order of the claims. The latest go first: each is put before the others.
table.sort(found)
local last = math.max(1, #found - bound + 1)
local ended = 0
redis.call('PERSIST', leased) -- before 7.0 a full server lets a script go on once it has written
for i = #found, last, -1 do
  local value = redis.call('HGET', leased, found[i])
  if value then
    local id, state, attempt, crashes, payload = parse_leased(found[i], value)
    redis.call('LPUSH', ready, compose(id, state, '', attempt, crashes + 1, payload))
    redis.call('HDEL', leased, found[i])
    ended = ended + 1
  end
end
if last == 1 then
  call_many('ZREM', deadlines, passed)
end
if redis.call('EXISTS', leased) == 0 then
  redis.call('ZREM', owners, owner)
end
return ended
