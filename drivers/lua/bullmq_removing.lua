#!lua
-- Removing finished jobs; included after bullmq_common, never run.

local function remove_all(base, set, ids)
  for i = 1, #ids do
    remove_job(base .. ids[i])
  end
  if #ids > 0 then
    redis.call('ZREM', set, unpack(ids))
  end
end
