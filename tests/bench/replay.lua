-- Sends ready-made requests: `wrk -s replay.lua URL -- FILE MOST FIRST awake|sleeping`.
-- FILE holds whole requests with a NUL behind each, which are sent in turn, round and round. Twelve
-- `@` in one stand for a number that is another each time, from FIRST on. After MOST requests wrk
-- ends, if its time is not over before; 0: it sends for all of its time. The last line says in JSON
-- how many were answered, and how.

local ffi = require("ffi")
ffi.cdef[[
int kill(int pid, int number);
int getpid(void);
int pipe(int ends[2]);
long write(int fd, const void *octets, size_t count);
long readlink(const char *path, char *octets, size_t count);
typedef struct __attribute__((packed)) { uint32_t events; int32_t fd; uint32_t unused; } event;
int epoll_ctl(int epoll, int operation, int fd, event *wanted);
]]

local SIGINT = 2 -- wrk sleeps for all of its time; this wakes it
local MARK = ("@"):rep(12)
local requests, rests, sent, most, number = {}, {}, 0, 0, 0

local EPOLL_CTL_ADD, EPOLLIN = 1, 1
local POLLS = "anon_inode:[eventpoll]"
local MOST_FILES = 64

-- Keeps wrk awake: a pipe that always has something to read stands among what it waits for, and no
-- handler takes it. Else each answer would wake a core that sleeps, and the server be charged.
local function stay_awake()
  local ends, link = ffi.new("int[2]"), ffi.new("char[64]")
  assert(ffi.C.pipe(ends) == 0 and ffi.C.write(ends[1], "x", 1) == 1)
  for fd = 3, MOST_FILES do
    local length = ffi.C.readlink("/proc/self/fd/" .. fd, link, 64)
    if length > 0 and ffi.string(link, length) == POLLS then
      local wanted = ffi.new("event", EPOLLIN, ends[0], 0)
      assert(ffi.C.epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], wanted) == 0)
    end
  end
end

function init(args)
  if args[4] == "awake" then
    stay_awake()
  end
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
