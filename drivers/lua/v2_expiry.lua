#!lua
-- Included by v2 scripts after v2_common and v2_note: the ends of leases that nobody settled.

-- Take leases of sockq from their owner: the attempt is refunded, and what `crash` says of an id is counted.
-- `push` is RPUSH for the front of the ready jobs or LPUSH for their back.
local function give_back(ids, push, crash)
  local payloads = call('HMGET', JOBS, unpack(ids))
  local attempts = call('HMGET', ATTEMPTS, unpack(ids))
  local counts, noted = {}, {}
  for i = 1, #ids do
    counts[2 * i - 1] = ids[i]
    counts[2 * i] = math.max(0, (tonumber(attempts[i]) or 0) - 1)
    if payloads[i] then
      local bare, crashes, state = split(payloads[i])
      noted[#noted + 1] = ids[i]
      noted[#noted + 1] = join(bare, crashes + crash(ids[i]), state)
    end
  end
  call('HSET', ATTEMPTS, unpack(counts))
  if #noted > 0 then call('HSET', JOBS, unpack(noted)) end
  call(push, WAIT, unpack(ids))
end

-- End leases that are over and make due delayed jobs ready, at most `bound` of each.
-- A lease of sockq (its token has a space) was interrupted: it is given back unharmed. A lease of
-- the server's own workers keeps the server's rule: the attempt stays charged, and the last one
-- ends in the dead letters. Returns how many leases ended, how many jobs became ready.
local function sweep(now, bound, default_max, retention)
  local ended, ready = 0, 0
  local ids = call('ZRANGEBYSCORE', ACTIVE, '-inf', now, 'LIMIT', 0, bound)
  if #ids > 0 then
    local tokens = call('HMGET', TOKENS, unpack(ids))
    local attempts = call('HMGET', ATTEMPTS, unpack(ids))
    local maxima = call('HMGET', MAXIMA, unpack(ids))
    call('ZREM', ACTIVE, unpack(ids))
    call('HDEL', TOKENS, unpack(ids))
    local ours, stalled, dead = {}, {}, {}
    for i = 1, #ids do
      if tokens[i] and string.find(tokens[i], ' ', 1, true) then
        ours[#ours + 1] = ids[i]
      elseif (tonumber(attempts[i]) or 0) >= (tonumber(maxima[i]) or default_max) then
        dead[#dead + 1] = ids[i]
      else
        stalled[#stalled + 1] = ids[i]
      end
    end
    if #ours > 0 then
      give_back(ours, 'LPUSH', function() return 0 end)
      emit(retention, 'stalled', ours, now)
    end
    if #stalled > 0 then
      call('LPUSH', WAIT, unpack(stalled))
      emit(retention, 'stalled', stalled, now)
    end
    for i = 1, #dead do
      call('ZADD', DLQ, now, dead[i])
      call('HSET', FAILURES, dead[i], 'lease-expired')
    end
    emit(retention, 'failed', dead, now)
    ended, ready = #ids, #ours + #stalled
  end
  local due = call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, bound)
  if #due > 0 then
    call('ZREM', DELAYED, unpack(due))
    call('LPUSH', WAIT, unpack(due))
    emit(retention, 'waiting', due, now)
    ready = ready + #due
  end
  return ended, ready
end
