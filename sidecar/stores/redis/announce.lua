-- Announce revocations: one script, one hash slot, so that snapshot, stream and sequence move together.
-- KEYS: snapshot (sorted set by forget_at), stream, meta (incarnation, sequence)
-- ARGV: a new incarnation, now, longest stream, then (member, forget_at) for each revocation
local snapshot, stream, meta = KEYS[1], KEYS[2], KEYS[3]
if redis.call('HEXISTS', meta, 'incarnation') == 0 then
  redis.call('HSET', meta, 'incarnation', ARGV[1], 'sequence', 0)
end
local incarnation = redis.call('HGET', meta, 'incarnation')
for i = 4, #ARGV, 2 do
  redis.call('ZADD', snapshot, 'GT', ARGV[i + 1], ARGV[i])
  local sequence = redis.call('HINCRBY', meta, 'sequence', 1)
  redis.call('XADD', stream, 'MAXLEN', '~', ARGV[3], '*',
    'incarnation', incarnation, 'sequence', sequence, 'member', ARGV[i], 'forget_at', ARGV[i + 1])
end
redis.call('ZREMRANGEBYSCORE', snapshot, '-inf', '(' .. ARGV[2])
return incarnation
