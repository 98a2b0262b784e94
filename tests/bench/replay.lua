-- Sends ready-made requests: `wrk -s replay.lua URL -- FILE [once]`.
-- FILE holds whole requests with a NUL behind each. They are sent in turn, round and round, or each
-- of them once. The last line says in JSON how many were answered, and how.

local requests, sent, once = {}, 0, false

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for request in file:read("*a"):gmatch("(%Z+)%z") do
    requests[#requests + 1] = request
  end
  file:close()
  once = args[2] == "once"
end

function request()
  if once and sent == #requests then
    wrk.thread:stop()
  else
    sent = sent + 1
  end
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answered": %d, "refused": %d, "failed": %d}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
