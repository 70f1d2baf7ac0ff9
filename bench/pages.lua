-- GETs random lines of the file PAGES as SESSION. A page is good that is a 200 with as many ROWS as asked for, and that
-- says of the event it names ("Bench Night 7.") how many places are left, as in the file LEFT: number, tab, places.
local session, rows = os.getenv("SESSION"), tonumber(os.getenv("ROWS") or "0")
local paths, left, threads = {}, {}, {}

for line in io.lines(os.getenv("PAGES")) do
  table.insert(paths, line)
end
for line in io.lines(os.getenv("LEFT")) do
  local number, words = line:match("^(%d+)\t(.*)$")
  left[number] = words
end

function setup(thread)
  thread:set("seed", #threads)
  table.insert(threads, thread)
end

function init()
  math.randomseed(os.time() + seed)
  good, other, seen = 0, 0, ""
end

function request()
  return wrk.format("GET", paths[math.random(#paths)], {["Cookie"] = "session=" .. session})
end

function right(body)
  local number = body:match("Bench Night (%d+)%.")
  if not number or not body:find(left[number], 1, true) then
    return false
  end
  if rows == 0 then
    return true
  end
  local _, found = body:gsub('<tr id="ticket%-', "")
  return found == rows
end

function response(status, headers, body)
  if status == 200 and right(body) then
    good = good + 1
  else
    other, seen = other + 1, status .. " " .. body:sub(1, 200)
  end
end

function done(summary, latency)
  local g, r, text = 0, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, ""
  for _, thread in ipairs(threads) do
    g, r, text = g + thread:get("good"), r + thread:get("other"), text .. thread:get("seen")
  end
  io.write(text, string.format('\nRESULT {"good": %d, "other": %d, "seconds": %.3f, "p50_ms": %.2f, "p99_ms": %.2f}\n',
    g, r, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
