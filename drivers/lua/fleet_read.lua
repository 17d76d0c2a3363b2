#!lua flags=no-writes
-- The hosts that have said that they are there.
--
-- KEYS  hash of documents, zset of their times
-- Result  {host, age in ms, document, …}

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = {}
local hosts = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #hosts, 2 do
  local document = redis.call('HGET', KEYS[1], hosts[i])
  if document then
    found[#found + 1] = hosts[i]
    found[#found + 1] = math.max(0, now - hosts[i + 1])
    found[#found + 1] = document
  end
end
return found
