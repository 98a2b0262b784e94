-- What is said of a log as a whole, in the hash that says which one it is. Every other log is left
-- alone: whoever asks may have been overtaken.
-- KEYS: meta, claim
-- ARGV: 'filled', incarnation, claim: everything that SQL holds is in the snapshot; the claim ends
--       'lost', incarnation, new incarnation: a part of what was announced to it is not there
-- Returns 1 where it is that log, else 0.
local there = redis.call('HGET', KEYS[1], 'incarnation') == ARGV[2]
if ARGV[1] == 'lost' then
  if there then
    redis.call('HSET', KEYS[1], 'incarnation', ARGV[3])
  end
  return there and 1 or 0
end
if there then
  redis.call('HSET', KEYS[1], 'filled', ARGV[2])
end
if redis.call('GET', KEYS[2]) == ARGV[3] then
  redis.call('DEL', KEYS[2])
end
return there and 1 or 0
