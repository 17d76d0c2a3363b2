#!lua flags=allow-oom
-- End leases in one of four ways, each only if its token still stands.
-- KEYS: see v2_common.
-- ARGV: 1 completed kept (0: none), 2 events kept, 3 attempts that the server's workers get after a
--       retry, then for each settlement
--       A id token                            done
--       R id token delay_ms state             try again; the attempt stays charged
--       D id token reason state new_id bare   dead letter, stored under new_id; bare: what is stored
--                                             in the place of its payload, or "" for that
--       L id token delay_ms keep state        released: attempt refunded; keep 1: state as it was
--       (states in base64)
-- Returns: for each settlement 1, or 0 where the lease was no longer the caller's.
-- @include v2_common
-- @include v2_note

local kept, retention, allowance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local sizes = {A = 3, R = 5, D = 7, L = 6}

local starts, ids = {}, {}
local at = 4
while at <= #ARGV do
  starts[#starts + 1] = at
  ids[#ids + 1] = ARGV[at + 1]
  at = at + sizes[ARGV[at]]
end

local tokens = call('HMGET', TOKENS, unpack(ids))
local settled, results, ended = {}, {}, {}
local groups = {A = {}, R = {}, D = {}, L = {}}
for i = 1, #ids do
  if tokens[i] == ARGV[starts[i] + 2] and not settled[ids[i]] then
    settled[ids[i]] = true
    results[i] = 1
    ended[#ended + 1] = ids[i]
    local group = groups[ARGV[starts[i]]]
    group[#group + 1] = starts[i]
  else
    results[i] = 0
  end
end
if #ended == 0 then return results end
call('ZREM', ACTIVE, unpack(ended))
call('HDEL', TOKENS, unpack(ended))

local function ids_of(group)
  local list = {}
  for i = 1, #group do list[i] = ARGV[group[i] + 1] end
  return list
end

-- Write the note of a job anew; a nil state keeps the one it has, and no `instead` the payload.
local function note(id, state, instead)
  local stored = call('HGET', JOBS, id)
  if not stored then return end
  local bare, crashes, old = split(stored)
  if instead and instead ~= '' then bare = instead end
  local noted = join(bare, crashes, state or old)
  if noted ~= stored then call('HSET', JOBS, id, noted) end
end

local function delay_or_push(group, push)
  local first, last, step = 1, #group, 1
  if push == 'RPUSH' then first, last, step = #group, 1, -1 end -- the first is to be in front
  for i = first, last, step do
    local id, delay = ARGV[group[i] + 1], tonumber(ARGV[group[i] + 3])
    if delay > 0 then call('ZADD', DELAYED, now + delay, id) else call(push, WAIT, id) end
  end
end

if #groups.A > 0 then
  local done = #groups.A == #ended and ended or ids_of(groups.A)
  call('HDEL', FAILURES, unpack(done))
  if kept > 0 then
    local scores, stamp = {}, whole(now)
    for i = 1, #done do scores[2 * i - 1], scores[2 * i] = stamp, done[i] end
    call('ZADD', COMPLETED, unpack(scores))
    trim(COMPLETED, kept)
  else
    call('HDEL', JOBS, unpack(done))
    call('HDEL', ATTEMPTS, unpack(done))
    call('HDEL', MAXIMA, unpack(done))
  end
  emit(retention, 'completed', done, now)
end

if #groups.R > 0 then
  local again, fields = ids_of(groups.R), {}
  local attempts = call('HMGET', ATTEMPTS, unpack(again))
  local maxima = call('HMGET', MAXIMA, unpack(again))
  for i = 1, #again do
    note(again[i], ARGV[groups.R[i] + 4])
    call('HSET', FAILURES, again[i], 'processor-error')
    -- sockq's retries may be more than the server's maximum: from here a worker of the server
    -- that claims the job has its full allowance again, so that neither side ends it early.
    local room = (tonumber(attempts[i]) or 0) + allowance
    if room > (tonumber(maxima[i]) or 0) then
      fields[#fields + 1] = again[i]
      fields[#fields + 1] = room
    end
  end
  if #fields > 0 then call('HSET', MAXIMA, unpack(fields)) end
  delay_or_push(groups.R, 'LPUSH')
  emit(retention, 'retrying', again, now)
end

if #groups.L > 0 then
  local released, fields = ids_of(groups.L), {}
  local attempts = call('HMGET', ATTEMPTS, unpack(released))
  for i = 1, #released do
    if ARGV[groups.L[i] + 4] ~= '1' then note(released[i], ARGV[groups.L[i] + 5]) end
    fields[2 * i - 1] = released[i]
    fields[2 * i] = math.max(0, (tonumber(attempts[i]) or 0) - 1)
  end
  call('HSET', ATTEMPTS, unpack(fields))
  delay_or_push(groups.L, 'RPUSH')
  emit(retention, 'waiting', released, now)
end

if #groups.D > 0 then
  for i = 1, #groups.D do
    local start = groups.D[i]
    local id, new_id = ARGV[start + 1], ARGV[start + 5]
    note(id, ARGV[start + 4], ARGV[start + 6])
    if new_id ~= id then
      for _, hash in ipairs({JOBS, ATTEMPTS, MAXIMA}) do
        local row = call('HGET', hash, id)
        if row then call('HSET', hash, new_id, row) end
        call('HDEL', hash, id)
      end
      call('HDEL', FAILURES, id)
    end
    call('ZADD', DLQ, now, new_id)
    call('HSET', FAILURES, new_id, ARGV[start + 3])
  end
  emit(retention, 'failed', ids_of(groups.D), now)
end

if #groups.R + #groups.L > 0 then wake() end
return results
