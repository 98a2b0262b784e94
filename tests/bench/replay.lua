-- Sends ready-made requests: `wrk -s replay.lua URL -- FILE MOST FIRST`.
-- FILE holds whole requests with a NUL behind each, which are sent in turn, round and round. Twelve
-- `@` in one stand for a number that is another each time, from FIRST on. After MOST requests wrk
-- ends, if its time is not over before; 0: it sends for all of its time. The last line says in JSON
-- how many were answered, and how.

local ffi = require("ffi")
ffi.cdef("int kill(int pid, int number); int getpid(void);")

local SIGINT = 2 -- wrk sleeps for all of its time; this wakes it
local MARK = ("@"):rep(12)
local requests, rests, sent, most, number = {}, {}, 0, 0, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for request in file:read("*a"):gmatch("(%Z+)%z") do
    local first, last = request:find(MARK, 1, true)
    requests[#requests + 1] = first and request:sub(1, first - 1) or request
    rests[#requests] = first and request:sub(last + 1) or false
  end
  file:close()
  most, number = tonumber(args[2]), tonumber(args[3])
end

function request()
  if most > 0 and sent == most then
    wrk.thread:stop()
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  else
    sent = sent + 1
  end
  local place = (sent - 1) % #requests + 1
  local rest = rests[place]
  if not rest then
    return requests[place]
  end
  number = number + 1
  return string.format("%s%012d%s", requests[place], number - 1, rest)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answered": %d, "refused": %d, "failed": %d}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
