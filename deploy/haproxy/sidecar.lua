-- Asks sidecar about a request: made by `sidecar gateway haproxy`, which haproxy.cfg loads.
--
-- HAProxy lets a request go on where an action fails. So the last act on an allow is to set
-- txn.sidecar, and haproxy.cfg denies every request that has not got it.

local GATE = "http://127.0.0.1:8422/verify/haproxy"
local ADDRESS = nil
local TIMEOUT = 1000 -- milliseconds for each of the four attempts that HAProxy makes
local MOST_LINES = 64 -- HAProxy 2.6 crashes on a question with more than 101

-- What goes along with a question: named, because a client can send as many lines as it likes.
local ASKED = {
    "authorization",
    "cookie",
    "accept",
    "content-type",
    "origin",
    "access-control-request-method",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-websocket-key",
    "upgrade",
    "x-requested-with",
}
-- What of a refusal goes back to the client.
local TOLD = {
    "cache-control", "content-type", "location", "retry-after", "set-cookie", "www-authenticate",
    "x-request-id",
}
-- What an allow says to the upstream; each is there, or there is no allow.
local IDENTITY = {
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-auth-subject",
    "x-auth-scope",
    "x-auth-assertion",
}

-- HAProxy counts the lines of a header from 0, the HTTP client those of a question from 1.
local function lines_of(headers, name)
    local lines = {}
    local found = headers[name]
    for index = 0, found and #found or -1 do
        lines[#lines + 1] = found[index]
    end
    return lines
end

local function refuse(txn, status, answer)
    local reply = txn:reply({ status = status })
    if answer then
        for _, name in ipairs(TOLD) do
            for _, value in ipairs(lines_of(answer.headers, name)) do
                reply:add_header(name, value)
            end
        end
        reply:set_body(answer.body or "")
    end
    txn:done(reply)
end

-- Returns the headers of a question, nil where the client sent what cannot be passed on.
local function question(txn)
    local received = txn.http:req_get_headers()
    local headers = {
        ["x-forwarded-method"] = { txn.sf:method() },
        ["x-forwarded-proto"] = lines_of(received, "x-forwarded-proto"),
        ["x-forwarded-host"] = lines_of(received, "host"),
        ["x-forwarded-uri"] = { txn.sf:pathq() },
        ["x-forwarded-for"] = lines_of(received, "x-forwarded-for"),
        ["x-request-id"] = lines_of(received, "x-request-id"),
    }
    local count = 0
    for _, name in ipairs(ASKED) do
        local lines = lines_of(received, name)
        if name == "cookie" and #lines > 1 then
            lines = { table.concat(lines, "; ") } -- several lines are one list
        end
        for _, value in ipairs(lines) do
            if value:find("[\r\n\0]") then
                return nil -- would begin another line: the HTTP client does not look
            end
        end
        if #lines > 0 then
            headers[name] = lines
        end
        count = count + #lines
    end
    return count <= MOST_LINES and headers or nil
end

core.register_action("sidecar", { "http-req" }, function(txn)
    local headers = question(txn)
    if not headers then
        return refuse(txn, 400)
    end
    local answer = core.httpclient():get({
        url = GATE,
        dst = ADDRESS,
        headers = headers,
        timeout = TIMEOUT,
    })
    if answer.status ~= 200 then
        if answer.status < 300 or answer.status >= 500 then
            core.Warning("sidecar: " .. GATE .. " answered with status " .. answer.status)
        end
        return refuse(txn, answer.status >= 300 and answer.status or 503, answer)
    end
    for _, name in ipairs(IDENTITY) do
        txn.http:req_set_header(name, assert(answer.headers[name], name)[0])
    end
    -- What stands in place of the client's: no personal token, no session cookie.
    for _, name in ipairs({ "authorization", "cookie" }) do
        local value = lines_of(answer.headers, name)[1] or ""
        txn.http:req_del_header(name)
        if value ~= "" then
            txn.http:req_add_header(name, value)
        end
    end
    -- HAProxy sets none that has no room in its buffer, and does not say so.
    local set = txn.http:req_get_headers()
    for _, name in ipairs(IDENTITY) do
        assert(lines_of(set, name)[1] == answer.headers[name][0], name)
    end
    txn:set_var("txn.sidecar", "ok")
end, 0)
