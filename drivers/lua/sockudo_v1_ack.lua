#!lua flags=allow-oom
-- Ends leases of one owner whose jobs are done. (sockudo_v1_settle can do it too, for more.)
--
-- KEYS  deadlines, leased, claims (of this owner), lists of claims…
-- ARGV  owner, for each claim its prefix and the bitmap of its acks
-- Result  0 if every lease was this owner's, else {for each claim the bitmap of those that were not, or ''}

-- @include sockudo_v1_common
-- @include sockudo_v1_claims

local deadlines, leased, claims = KEYS[1], KEYS[2], KEYS[3]
local owner = ARGV[1]
local ended, refused, any, forgotten = 0, {}, false, {}

for c = 1, #KEYS - 3 do
  local prefix, bitmap = ARGV[2 * c], ARGV[2 * c + 1]
  local bytes, size = open_claim(claims, prefix)
  local number, others = end_leases(bytes, size, bitmap, prefix, owner, forgotten)
  refused[c] = others
  any = any or others ~= ''
  ended = ended + number
  if number > 0 and close_claim(claims, prefix, KEYS[3 + c], bytes, size) then
    forgotten[#forgotten + 1] = 'b' .. prefix .. owner
  end
end

call_many('ZREM', deadlines, forgotten)
count_leases(leased, owner, -ended)
return any and refused or 0
