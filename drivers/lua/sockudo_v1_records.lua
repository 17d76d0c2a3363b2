#!lua
-- Writing and reading records (see sockudo_v1_common); included, never run.

local function compose(id, state, reason, attempt, crashes, payload)
  return string.format('r1 %d %d %d %d %d;', #id, #state, #reason, attempt, crashes)
    .. id .. state .. reason .. payload
end

-- Returns id, state, attempt, crashes, payload of a record.
local function parse(record)
  local _, head, idlen, statelen, reasonlen, attempt, crashes =
    string.find(record, '^r1 (%d+) (%d+) (%d+) (%d+) (%d+);')
  local id_end = head + idlen
  local state_end = id_end + statelen
  return string.sub(record, head + 1, id_end), string.sub(record, id_end + 1, state_end),
    tonumber(attempt), tonumber(crashes), string.sub(record, state_end + reasonlen + 1)
end
