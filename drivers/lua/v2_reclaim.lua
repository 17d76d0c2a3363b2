#!lua flags=allow-oom
-- Give back what a dead owner holds: one page of the leases.
-- KEYS: see v2_common.
-- ARGV: 1 cursor ("0": from the start), 2 owner, 3 page size, 4 events kept, 5 marks of the jobs that are blamed.
-- Returns: {next cursor ("0": that was all), leases ended}. Tokens are "owner nonce:n"; an owner may
-- itself hold spaces, a nonce may not.
-- @include v2_common
-- @include v2_note
-- @include v2_expiry
-- @include blamed

local start = ARGV[2] .. ' '
local page = call('HSCAN', TOKENS, ARGV[1], 'COUNT', ARGV[3])
local ids, seen = {}, {}
for i = 1, #page[2], 2 do
  local id, token = page[2][i], page[2][i + 1]
  if string.sub(token, 1, #start) == start and not string.find(token, ' ', #start + 1, true)
    and not seen[id] then
    seen[id] = true
    ids[#ids + 1] = id
  end
end
if #ids > 0 then
  call('ZREM', ACTIVE, unpack(ids))
  call('HDEL', TOKENS, unpack(ids))
  give_back(ids, 'RPUSH', crashes_of(ARGV[5]))
  emit(tonumber(ARGV[4]), 'stalled', ids, now_ms())
  wake()
end
return {page[1], #ids}
