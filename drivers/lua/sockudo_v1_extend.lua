#!lua flags=allow-oom
-- Makes leases of one owner end at a time of their own.
--
-- KEYS  deadlines, claims (of this owner)
-- ARGV  owner, ms from now, for each claim its prefix and the bitmap of its leases
-- Result  0 if every lease was this owner's, else {for each claim the bitmap of those that were not, or ''}

-- @include sockudo_v1_common
-- @include sockudo_v1_claims

local deadlines, claims = KEYS[1], KEYS[2]
local owner, deadline = ARGV[1], text_of(now_ms() + ARGV[2])
local refused, any, changes = {}, false, {}

for i = 3, #ARGV, 2 do
  local prefix, wanted = ARGV[i], {string.byte(ARGV[i + 1], 1, -1)}
  local bytes, size = open_claim(claims, prefix)
  local others, lost, changed = {}, false, false
  for j = 1, #wanted do
    local at = HEAD + j
    local had = j <= size and bit.band(bytes[at], wanted[j]) or 0
    others[j] = wanted[j] - had
    lost = lost or had ~= wanted[j]
    for number = 0, had > 0 and 7 or -1 do
      if bit.band(had, 2 ^ number) > 0 then
        changes[#changes + 1] = deadline
        changes[#changes + 1] = 'x' .. receipt_of(prefix, 8 * j - 7 + number, bytes) .. owner
      end
    end
    if had > 0 then
      bytes[at + size] = bit.bor(bytes[at + size], had)
      changed = true
    end
  end
  if changed then
    redis.call('HSET', claims, prefix, string.char(unpack(bytes)))
  end
  refused[#refused + 1] = lost and string.char(unpack(others)) or ''
  any = any or lost
end

call_many('ZADD', deadlines, changes)
return any and refused or 0
