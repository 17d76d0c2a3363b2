#!lua flags=no-writes
-- Cheap counts.
-- KEYS: see v2_common. ARGV: none.
-- Returns: {ready, leased, delayed, dead, now in unix ms, id and stored payload of the oldest ready job
--          or "" twice}.
-- @include v2_common

local framed = 0
local oldest = ''
local id = call('LINDEX', WAIT, -1)
if id then oldest = call('HGET', JOBS, id) or '' end
if call('LLEN', INLINE) > 0 then
  framed = math.max(0, tonumber(call('GET', INLINE_COUNT)) or 0)
  if not id then
    local frame = call('LINDEX', INLINE, -1)
    local length = string.byte(frame, 1) == 66 and #frame > 42 and struct.unpack('>I4', frame, 6)
    if length then id, oldest = string.sub(frame, 11, 42), string.sub(frame, 43, 9 + length) end
  end
end
return {call('LLEN', WAIT) + framed, call('ZCARD', ACTIVE), call('ZCARD', DELAYED),
  call('ZCARD', DLQ), now_ms(), id or '', oldest}
