#!lua
-- Lease up to `limit` jobs; sweep expired leases and due jobs first.
-- KEYS: see v2_common.
-- ARGV: 1 token prefix ("owner nonce:"), 2 lease ms, 3 limit (<= 1000), 4 most to sweep,
--       5 attempts where a job has no maximum of its own, 6 events kept.
-- Returns: {ms until the next delayed job is due or -1, id, payload, attempt, id, payload, ...};
--          the token of job n is the prefix followed by n.
-- @include v2_common
-- @include v2_note
-- @include v2_expiry

local limit, bound, default_max = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local retention = tonumber(ARGV[6])
local now = now_ms()
local ids, payloads, charged, taken = {}, {}, {}, {}

-- Whether an id of the list is to be skipped as the server skips it. Every claim charges an attempt,
-- so that only a job with one can be leased or completed.
local function is_past(id, attempts)
  return attempts > 0 and (call('HEXISTS', TOKENS, id) == 1 or call('ZSCORE', COMPLETED, id))
end

local function take(id, payload, attempts)
  taken[id] = true
  ids[#ids + 1] = id
  payloads[#payloads + 1] = payload
  charged[#charged + 1] = attempts
end

-- Ids of the list first, as the server does: oldest at the tail.
local function take_listed(want)
  local batch = call('LRANGE', WAIT, -want, -1)
  if #batch == 0 then return 0 end
  call('LTRIM', WAIT, 0, -(#batch + 1))
  local stored = call('HMGET', JOBS, unpack(batch))
  local attempts = call('HMGET', ATTEMPTS, unpack(batch))
  for i = #batch, 1, -1 do
    local id, count = batch[i], tonumber(attempts[i]) or 0
    if stored[i] and not taken[id] and not is_past(id, count) then take(id, stored[i], count) end
  end
  return #batch
end

-- Bytes that nobody can read are kept as a dead letter under an id made of their digest.
local function quarantine(bytes)
  local id = 'frame-' .. redis.sha1hex(bytes)
  call('HSET', JOBS, id, bytes)
  call('ZADD', DLQ, now, id)
  call('HSET', FAILURES, id, 'invalid-envelope')
  emit(retention, 'failed', {id}, now)
end

local function u32(bytes, at)
  local a, b, c, d = string.byte(bytes, at, at + 3)
  if not d then return nil end
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function packed(number)
  return string.char(math.floor(number / 16777216) % 256, math.floor(number / 65536) % 256,
    math.floor(number / 256) % 256, number % 256)
end

-- A record is 'J', 32 bytes of id, the job; cut out of `bytes`, from `first` to `last`.
local function read_record(bytes, first, last, new, rows)
  if string.byte(bytes, first) == 74 and last - first > 32 then
    new[#new + 1] = string.sub(bytes, first + 1, first + 32)
    rows[#rows + 1] = string.sub(bytes, first + 33, last)
  else
    quarantine(string.sub(bytes, first, last))
  end
end

-- Walk a frame: 'B', u32 count, then count times (u32 length, record). Fills ids and jobs, returns
-- how many records it used up; puts back what is for later, quarantines what is broken.
local function open_frame(frame, want, new, rows)
  if string.byte(frame, 1) == 74 then
    read_record(frame, 1, #frame, new, rows)
    return 1
  end
  local count = string.byte(frame, 1) == 66 and u32(frame, 2)
  if not count then
    quarantine(frame)
    return 0
  end
  local at, used = 6, 0
  while used < count and used < want do
    local length = u32(frame, at)
    if not length or length == 0 or at + 3 + length > #frame then break end
    read_record(frame, at + 4, at + 3 + length, new, rows)
    at = at + 4 + length
    used = used + 1
  end
  if used == count then
    if at <= #frame then quarantine(string.sub(frame, at)) end
  elseif used == want then
    call('RPUSH', INLINE, 'B' .. packed(count - used) .. string.sub(frame, at))
  else
    quarantine('B' .. packed(count - used) .. string.sub(frame, at))
    return count
  end
  return used
end

-- One frame: its jobs get rows of their own; ids that are known already are dropped, which is how
-- the server drops duplicates of frames.
local function take_frame(want)
  local frame = call('RPOP', INLINE)
  if not frame then return 0 end
  local new, rows = {}, {}
  local used = open_frame(frame, want, new, rows)
  if used > 0 and call('DECRBY', INLINE_COUNT, whole(used)) < 0 then call('SET', INLINE_COUNT, 0) end
  if #new > 0 then
    local known, fields = call('HMGET', JOBS, unpack(new)), {}
    for i = 1, #new do
      if not known[i] and not taken[new[i]] then
        take(new[i], rows[i], 0)
        fields[#fields + 1] = new[i]
        fields[#fields + 1] = rows[i]
      end
    end
    if #fields > 0 then call('HSET', JOBS, unpack(fields)) end
  end
  return math.max(math.min(used, want), 1)
end

sweep(now, bound, default_max, retention)

local budget = bound + limit
while #ids < limit and budget > 0 do
  local want = math.min(limit - #ids, budget)
  local seen = take_listed(want)
  if seen == 0 then seen = take_frame(want) end
  if seen == 0 then break end
  budget = budget - seen
end

local reply = {-1}
if #ids > 0 then
  local maxima = call('HMGET', MAXIMA, unpack(ids))
  local attempts, tokens, leases, raised = {}, {}, {}, {}
  local deadline = whole(now + tonumber(ARGV[2]))
  for i = 1, #ids do
    local id, attempt = ids[i], charged[i] + 1
    attempts[2 * i - 1], attempts[2 * i] = id, attempt
    tokens[2 * i - 1], tokens[2 * i] = id, ARGV[1] .. i
    leases[2 * i - 1], leases[2 * i] = deadline, id
    -- Whether a job has had its last attempt is for sockq's own policy to say. Should this lease
    -- expire, a worker of the server would bury a job without room for one more attempt.
    if attempt >= (tonumber(maxima[i]) or default_max) then
      raised[#raised + 1] = id
      raised[#raised + 1] = attempt + 1
    end
    reply[3 * i - 1], reply[3 * i], reply[3 * i + 1] = id, payloads[i], attempt
  end
  call('HSET', ATTEMPTS, unpack(attempts))
  call('HSET', TOKENS, unpack(tokens))
  call('ZADD', ACTIVE, unpack(leases))
  if #raised > 0 then call('HSET', MAXIMA, unpack(raised)) end
  emit(retention, 'active', ids, now)
end

-- Hints: one while there is work left for somebody else, none when there is nothing at all (the
-- producers' pile would wake idle workers up to 1,024 times), at most one while jobs are delayed.
local due = call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
if due[2] then reply[1] = math.max(0, math.ceil(tonumber(due[2]) - now)) end
if call('LLEN', WAIT) > 0 or call('LLEN', INLINE) > 0 then
  if call('LLEN', NOTIFY) == 0 then call('LPUSH', NOTIFY, '1') end
elseif due[2] then
  call('LTRIM', NOTIFY, 0, 0)
else
  call('DEL', NOTIFY)
end
return reply
