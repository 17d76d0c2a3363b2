#!lua
-- Included by scripts that give a dead owner's jobs back: which of them were at work when it crashed.

-- `marks`: the marks of their ids (drivers/job_mark.py), one after the other. Returns a function: the
-- crashes to count for an id, 1 or 0.
local function crashes_of(marks)
  local blamed = {}
  for at = 1, #marks, 16 do blamed[string.sub(marks, at, at + 15)] = true end
  return function(id)
    if marks == '' then return 0 end
    return blamed[string.sub(redis.sha1hex(string.sub(id, 1, 120)), 1, 16)] and 1 or 0
  end
end
