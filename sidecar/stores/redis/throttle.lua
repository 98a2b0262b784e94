-- Attempts to log in, judged and counted in one script in one hash slot. The arithmetic is that of
-- core/throttle.py; a test holds the two equal. A tally is a hash of count, since and last, which
-- Redis drops by itself when it counts for nothing any more.
--
-- 'admit' counts an attempt in its buckets.
-- KEYS: one of each bucket
-- ARGV: 'admit', now, furthest ahead, most doublings, then for each bucket 'delay', free, first,
--       longest, quiet, or 'window', most, length, 0, 0
-- Returns {index of a key, until} of the bucket that takes none, else {0, then index and since of
-- each key in which it counts}.
--
-- 'take back' takes one back, and counts a login where the length of its window is not 0.
-- KEYS: one of each tally, then that of the logins where one is counted
-- ARGV: 'take back', now, furthest ahead, length of the window, then the since of each tally
local now, ahead = tonumber(ARGV[2]), tonumber(ARGV[3])

local function read(key, forget_of)
  local found = redis.call('HMGET', key, 'count', 'since', 'last')
  local count, since, last = tonumber(found[1]), tonumber(found[2]), tonumber(found[3])
  if not count or not since or not last then
    return nil
  end
  if last > now + ahead or forget_of(since, last) <= now then
    return nil
  end
  return count, since, last
end

local function write(key, count, since, last, forget_at)
  redis.call('HSET', key, 'count', count, 'since', since, 'last', last)
  redis.call('EXPIRE', key, math.max(1, forget_at - now))
end

if ARGV[1] == 'take back' then
  for i = 1, #ARGV - 4 do
    local count, since = unpack(redis.call('HMGET', KEYS[i], 'count', 'since'))
    if since == ARGV[i + 4] and tonumber(count) > 0 then
      redis.call('HINCRBY', KEYS[i], 'count', -1)
    end
  end
  local length, logins = tonumber(ARGV[4]), KEYS[#KEYS]
  if length > 0 then
    local count, since, last = read(logins, function(from) return from + length end)
    since = since or now
    write(logins, (count or 0) + 1, since, math.max(last or now, now), since + length)
  end
  return {0}
end

local tallies, blocked, longest = {}, 0, now
for i = 1, #KEYS do
  local at = 5 + (i - 1) * 5
  local kind = ARGV[at]
  local a, b = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local c, quiet = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local function forget_of(since, last)
    if kind == 'window' then return since + b end
    return last + quiet
  end
  local count, since, last = read(KEYS[i], forget_of)
  if count and count >= a then
    local until_ = since + b
    if kind == 'delay' then
      until_ = last + math.min(b * 2 ^ math.min(count - a, tonumber(ARGV[4])), c)
    end
    if until_ > longest then
      blocked, longest = i, until_
    end
  end
  tallies[i] = {kind, (count or 0) + 1, since or now, math.max(last or now, now), forget_of}
end
if blocked > 0 then
  return {blocked, longest}
end

local answer = {0}
for i = 1, #KEYS do
  local kind, count, since, last, forget_of = unpack(tallies[i])
  if kind == 'delay' then
    write(KEYS[i], count, since, last, forget_of(since, last))
    table.insert(answer, i)
    table.insert(answer, since)
  end
end
return answer
