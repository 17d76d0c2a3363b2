#!lua
-- What scripts do to open claims; included, never run.
--
-- A claim is one list of what it leased, records first, and an entry in the hash `claims` of its owner:
-- 2 bytes with the number of records (high byte first) and two bitmaps of the same size: what is still
-- leased, and what of it was extended. Place 1 is the lowest bit of the first byte.
-- What has ended stays in the list until the claim is through (then nothing of the claim is left), but
-- for payloads that were put elsewhere.
--
-- Members of `deadlines`, removed with their lease or claim:
--   'b' PREFIX OWNER   when the leases of a claim end, but for those that were extended
--   'x' RECEIPT OWNER  when a lease ends that was extended

local HEAD = 2

-- Returns the bytes of a claim's entry and the size of its bitmaps, 0 when it is through.
local function open_claim(claims, prefix)
  local entry = redis.call('HGET', claims, prefix)
  if not entry then
    return {}, 0
  end
  return {string.byte(entry, 1, -1)}, (#entry - HEAD) / 2
end

-- Stores an entry. `moved`: places whose payloads stand elsewhere now. Returns whether the claim is through.
local function close_claim(claims, prefix, list, bytes, size, moved)
  for i = HEAD + 1, HEAD + size do
    if bytes[i] ~= 0 then
      redis.call('HSET', claims, prefix, string.char(unpack(bytes)))
      for j = 1, moved and #moved or 0 do
        redis.call('LSET', list, moved[j] - 1, '')
      end
      return false
    end
  end
  redis.call('HDEL', claims, prefix)
  redis.call('UNLINK', list)
  return true
end

-- The receipt of a place.
local function receipt_of(prefix, place, bytes)
  local is_record = place <= bytes[1] * 256 + bytes[2]
  return prefix .. string.format('%d', (is_record and 1000000 or 2000000) + place)
end

-- Ends the leases of a bitmap at once. Adds what is to leave `deadlines` to `forgotten`.
-- Returns how many were leased, and the bitmap of the others; '' if there are none.
local function end_leases(bytes, size, bitmap, prefix, owner, forgotten)
  local COUNTS = {[0] = 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4}
  local band = bit.band
  local ended, others, any = 0, {string.byte(bitmap, 1, -1)}, false
  for i = 1, #others do
    local wanted, at = others[i], HEAD + i
    local had = i <= size and band(bytes[at], wanted) or 0
    others[i] = wanted - had
    any = any or had ~= wanted
    if had > 0 then
      bytes[at] = bytes[at] - had
      ended = ended + COUNTS[had % 16] + COUNTS[(had - had % 16) / 16]
      local extended = band(bytes[at + size], had)
      if extended > 0 then
        bytes[at + size] = bytes[at + size] - extended
        for number = 0, 7 do
          if band(extended, 2 ^ number) > 0 then
            forgotten[#forgotten + 1] = 'x' .. receipt_of(prefix, 8 * i - 7 + number, bytes) .. owner
          end
        end
      end
    end
  end
  return ended, any and string.char(unpack(others)) or ''
end

-- Calls a variadic command with any number of arguments.
local function call_many(command, key, args)
  for first = 1, #args, 2000 do
    redis.call(command, key, unpack(args, first, math.min(first + 1999, #args)))
  end
end
