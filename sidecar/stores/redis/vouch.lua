-- A writer vouches: what it acknowledged until a tick that it was told before has been announced.
-- KEYS: writers (a hash: life, tick, and a word of each writer)
-- ARGV: the writer, a new life, the life and the number of the tick it vouches for (empty: none),
--       what else its word says, then the writers whose words are to be dropped
-- Returns the life and the tick of now.
local writers = KEYS[1]
local life, tick = unpack(redis.call('HMGET', writers, 'life', 'tick'))
local counted = tick and #tick < 16 and (tick == '0' or string.match(tick, '^[1-9]%d*$'))
if not life or #life ~= 16 or string.find(life, '[^0-9a-f]') or not counted then
  life = ARGV[2]
  redis.call('HSET', writers, 'life', life, 'tick', 0)
end
tick = redis.call('HINCRBY', writers, 'tick', 1)
local word = '- -'
if ARGV[3] == life and tonumber(ARGV[4]) < tick then
  word = ARGV[3] .. ' ' .. ARGV[4]
end
-- What was held up on its way may come behind the last word.
if redis.call('HGET', writers, ARGV[1]) ~= 'ended' then
  redis.call('HSET', writers, ARGV[1], word .. ' ' .. ARGV[5])
end
for i = 6, #ARGV do
  redis.call('HDEL', writers, ARGV[i])
end
return {life, tick}
