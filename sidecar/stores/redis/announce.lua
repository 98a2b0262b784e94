-- Announce revocations: one script in one hash slot, so that snapshot, stream and sequence move
-- together. Without a revocation it only makes sure that the log can be written.
-- KEYS: snapshot (sorted set by forget_at), stream, meta (incarnation, sequence)
-- ARGV: a new incarnation, now, longest stream, most expired members to drop,
--       then (member, forget_at) for each revocation
local snapshot, stream, meta = KEYS[1], KEYS[2], KEYS[3]
local incarnation, sequence = unpack(redis.call('HMGET', meta, 'incarnation', 'sequence'))
local counted = sequence and #sequence < 16
  and (sequence == '0' or string.match(sequence, '^[1-9]%d*$'))
if not incarnation or incarnation == '' or not counted then
  incarnation = ARGV[1]
  redis.call('HSET', meta, 'sequence', 0)
end
-- Written even where it is the same: a Redis that is full or read-only says so here, before
-- anything has moved.
redis.call('HSET', meta, 'incarnation', incarnation)
for i = 5, #ARGV, 2 do
  redis.call('ZADD', snapshot, 'GT', ARGV[i + 1], ARGV[i])
  redis.call('XADD', stream, 'MAXLEN', '~', ARGV[3], '*',
    'incarnation', incarnation, 'sequence', redis.call('HINCRBY', meta, 'sequence', 1),
    'member', ARGV[i], 'forget_at', ARGV[i + 1])
end
local over = redis.call('ZRANGE', snapshot, '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[4])
if #over > 0 then
  redis.call('ZREM', snapshot, unpack(over))
end
