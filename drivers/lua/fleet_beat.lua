#!lua
-- A host says that it is there; those that have been silent for long are forgotten.
--
-- KEYS  hash of documents, zset of their times
-- ARGV  host, document (empty: the host leaves), ms after which a silent host is forgotten
-- Result  number of hosts that were forgotten

if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])

local silent = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3], 'LIMIT', 0, 100)
for i = 1, #silent do
  redis.call('HDEL', KEYS[1], silent[i])
  redis.call('ZREM', KEYS[2], silent[i])
end
-- Where nobody is left to forget them, Redis does.
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return #silent
