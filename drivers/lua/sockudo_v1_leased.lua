#!lua
-- Single places of a claim; included after sockudo_v1_records and sockudo_v1_claims, never run.

-- Where a place is in the bytes: the index, and the value of its bit; nothing if the claim has none such.
local function find_bit(size, place)
  if not place or place < 1 or place > 8 * size then
    return nil
  end
  local bit_number = (place - 1) % 8
  return HEAD + 1 + (place - 1 - bit_number) / 8, 2 ^ bit_number
end

-- Whether a place is leased, and whether it was extended.
local function is_leased(bytes, size, place)
  local at, value = find_bit(size, place)
  if not at or bit.band(bytes[at], value) == 0 then
    return false, false
  end
  return true, bit.band(bytes[at + size], value) ~= 0
end

-- Marks what is leased as ended.
local function end_lease(bytes, size, place)
  local at, value = find_bit(size, place)
  bytes[at] = bytes[at] - value
  bytes[at + size] = bit.band(bytes[at + size], 255 - value)
end

-- Returns id, state, attempt, crashes, payload of what a place holds; nothing if it is not there.
local function leased_job(list, place, receipt, bytes)
  local value = redis.call('LINDEX', list, place - 1)
  if not value then
    return nil
  elseif place <= bytes[1] * 256 + bytes[2] then
    return parse(value)
  end
  return receipt, '', 0, 0, value
end
