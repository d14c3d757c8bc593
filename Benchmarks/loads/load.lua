-- The requests of every load, the same for every server. Arguments, as name=value:
--   mode      health, save, zipf, history, list, mixed, aivo-save, aivo-list
--   sessions  how many sessions may be chosen from; users: how many users (list)
--   bytes     of text in a message
--   seed      of this run: clients of different runs choose differently
--   threads   file of aivo's thread ids, a line each; token: file of the token
-- At the end it prints one line of JSON. A reply that is no success is counted in `failed`.

local words = {}
for word in ([[the of and to in is you that it he was for on are as with his they at be this have from or one had by word
but not what all were we when your can said there use an each which she do how their if will up other about out many then
them these so some her would make like him into time has look two more write go see number no way could people my than
first water been call who oil its now find long down day did get come made may part]]):gmatch("%a+") do
    words[#words + 1] = word
end

local options = {mode = "health", sessions = "1000", users = "40", bytes = "300", seed = "1"}
local bodies, threads, headers, cumulative = {}, {}, {}, {}
local json = {["Content-Type"] = "application/json"}

local function text(bytes)
    local parts, length = {}, 0
    while length < bytes do
        local word = words[math.random(#words)]
        parts[#parts + 1] = word
        length = length + #word + 1
    end
    return table.concat(parts, " "):sub(1, bytes)
end

local function lines(path)
    local found = {}
    for line in io.lines(path) do found[#found + 1] = line end
    return found
end

function init(args)
    for _, argument in ipairs(args) do
        local name, value = argument:match("^(%w+)=(.*)$")
        if name then options[name] = value end
    end
    math.randomseed(tonumber(options.seed))
    local kind = options.mode:match("^aivo") and '","sender_type":"student"}' or '","role":"user"}'
    for i = 1, 64 do bodies[i] = '"content":"' .. text(tonumber(options.bytes)) .. kind end
    options.sessions, options.users = tonumber(options.sessions), tonumber(options.users)
    if options.threads then
        threads = lines(options.threads)
        local token = lines(options.token)[1]
        headers = {["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json"}
    end
    if options.mode == "zipf" then
        -- P(rank) ~ 1 / rank.
        local sum = 0
        for rank = 1, options.sessions do
            sum = sum + 1 / rank
            cumulative[rank] = sum
        end
    end
end

local function zipf()
    local wanted, low, high = math.random() * cumulative[#cumulative], 1, #cumulative
    while low < high do
        local middle = math.floor((low + high) / 2)
        if cumulative[middle] < wanted then low = middle + 1 else high = middle end
    end
    return low - 1
end

local function save(number)
    local body = string.format('{"sessionId":"session_1700000000000_w%06d",', number) .. bodies[math.random(#bodies)]
    return wrk.format("POST", "/api/sessions/save-message", json, body)
end

local function history()
    local number = math.random(0, options.sessions - 1)
    return wrk.format("GET", string.format("/api/sessions/messages?sessionId=session_1700000000000_h%06d", number))
end

local requests = {
    health = function() return wrk.format("GET", "/health") end,
    save = function() return save(math.random(0, 999)) end,
    zipf = function() return save(zipf()) end,
    history = history,
    list = function()
        return wrk.format("GET", "/api/sessions/list?limit=50&userId=user" .. math.random(0, options.users - 1))
    end,
    mixed = function() return math.random(5) == 1 and save(math.random(0, 999)) or history() end,
    ["aivo-save"] = function()
        local path = "/api/v1/threads/" .. threads[math.random(#threads)] .. "/messages"
        return wrk.format("POST", path, headers, "{" .. bodies[math.random(#bodies)])
    end,
    ["aivo-list"] = function()
        return wrk.format("GET", "/api/v1/threads/" .. threads[math.random(#threads)] .. "/messages?limit=50", headers)
    end,
}

function request() return requests[options.mode]() end

function done(summary, latency)
    local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
        + summary.errors.timeout
    io.write(string.format(
        '@{"requests":%d,"seconds":%.6f,"failed":%d,"p50":%d,"p90":%d,"p99":%d,"max":%d,"bytes":%d}\n',
        summary.requests, summary.duration / 1e6, failed, latency:percentile(50), latency:percentile(90),
        latency:percentile(99), latency.max, summary.bytes))
end
