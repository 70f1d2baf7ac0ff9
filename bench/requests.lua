-- One request after the other for wrk: METHOD, BODY and PATH_TO (several in turn) from the environment; where CROWD is set,
-- each request comes from another person with another Idempotency-Key.
local method, path, body = os.getenv("METHOD"), os.getenv("PATH_TO"), os.getenv("BODY")
local crowd, session, run = os.getenv("CROWD"), os.getenv("SESSION"), os.getenv("RUN")
local share = tonumber(os.getenv("SHARE") or "0")
local threads, paths = {}, {}
for one in path:gmatch("%S+") do table.insert(paths, one) end

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init()
  sent, good, refused, other = 0, 0, 0, 0
end

function request()
  sent = sent + 1
  local who = session
  if crowd ~= "" then
    who = crowd .. "-" .. (number * share + sent - 1)
  end
  local headers = {["Content-Type"] = "application/json", ["Cookie"] = "session=" .. who}
  if method == "POST" then
    headers["Idempotency-Key"] = run .. "-" .. number .. "-" .. sent
  end
  return wrk.format(method, paths[sent % #paths + 1], headers, body ~= "" and body or nil)
end

function response(status)
  if status >= 200 and status < 300 then
    good = good + 1
  elseif status == 409 then
    refused = refused + 1
  else
    other = other + 1
  end
end

function done(summary, latency)
  local g, r, o = 0, 0, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do
    g, r, o = g + thread:get("good"), r + thread:get("refused"), o + thread:get("other")
  end
  io.write(string.format(
    '\nRESULT {"good": %d, "refused": %d, "other": %d, "seconds": %.3f, "p50_ms": %.2f, "p99_ms": %.2f}\n',
    g, r, o, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
