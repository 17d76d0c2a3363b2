#!lua
-- Included by v2 scripts.
--
-- sockq's note on a job: the last field of the stored JSON object, which Sockudo ignores:
--   ,"sockq":"<crashes>.<base64 of the state>"}
-- Inside a JSON string the quotes would be escaped, so a match at the very end is ours.
local MARK = ',"sockq":"'

-- Stored payload -> payload without the note, crashes, state in base64.
local function split(payload)
  local at = string.find(payload, MARK, 1, true)
  while at do
    local crashes, state, tail =
      string.match(payload, '^,"sockq":"(%d+)%.([%w+/=]*)"(}%s*)$', at)
    if crashes then
      return string.sub(payload, 1, at - 1) .. tail, tonumber(crashes), state
    end
    at = string.find(payload, MARK, at + 1, true)
  end
  return payload, 0, ''
end

-- The reverse of split. What is no filled JSON object cannot carry a note and stays as it is.
local function join(payload, crashes, state)
  if crashes == 0 and state == '' then return payload end
  local head, tail = string.match(payload, '^(.*)(}%s*)$')
  if not head or string.find(head, '{%s*$') then return payload end
  return head .. MARK .. crashes .. '.' .. state .. '"' .. tail
end
