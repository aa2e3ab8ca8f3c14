-- What a bucket holds, read from its name: no state, no disk, any number of keys, every answer known.
--
--   syn-<N>[-<word><number>]...      N keys; words in any order
--
-- Keys. Key i (0 <= i < N) is document<ddd>/<iiiiiiiiii>.jpg, and rises with i in UTF-8 order.
--   d<D>       spread over D first-level prefixes (100); d1 is one flat prefix
--   hex1       the number is written as 12 evenly spread hexadecimal digits
--   time1      the number is written as a time, 31 s after the one before: 2024-01-01T00:00:31Z-0000000001
--   odd<M>     every M-th key ends with ODD (blank, plus, percent, two bytes, ampersand, quote, line break)
-- What DistCp makes of keys (the wrong names of one colon1 bucket are those of another with cut and double):
--   colon1     keys end with ::jpg instead of .jpg
--   cut<M>     every M-th key has lost its ending
--   double<M>  every M-th first-level prefix is doubled: document000/document000/0000000000.jpg
-- Differences, so that two buckets can be compared ("every M-th" is i modulo M = 0):
--   miss<M>    every M-th key is absent               etag<M>  every M-th key has another ETag
--   grow<M>    every M-th key is one byte longer      part<M>  every M-th key has a multipart ETag
--   size<B>    bytes of an object (1024)
--   real1      all objects hold the same bytes, and their ETag is the true MD5 of them
-- Versions.
--   v<V>       V versions of each key, ids <iiiiiiiiii>.<v>, v = 0 the newest
--   mark<M>    the newest version of every M-th key is a delete marker
--   The newest bytes of key i have the same ETag at every V; older ones have ETags of their own.
-- Behaviour.
--   lat<MS>    every answer is MS milliseconds late
--   err<M>     every M-th request to the bucket answers 503 SlowDown
--   rate<R>    above R requests in a second to one first-level prefix (or none) the rest get 503 SlowDown
--   Always, for a listing page that begins in the P-th thousand of keys (P from 1):
--   throttle<P> 503   refuse<P> 400   html<P> a web page   blank<P> an empty 200   cut off: torn<P>
--   early<P> says that it is the last page   again<P> gives the token it was asked with   drop<P> no answer
--   sink<X>    remembers what is written, for HEAD and GET; its listing stays that of the name

local fmt, floor, byte, sub = string.format, math.floor, string.byte, string.sub

local M = {}
M.ODD = " +%é&\"\n.jpg"
local BASE, OTHER = "d41d8cd98f00b204000000", "beefbeefbeefbeef000000"
local specs, remembered = {}, 0

local WORDS = {}
for word in ("d hex time odd colon cut double miss etag grow part size real v mark lat err rate "
    .. "throttle refuse html blank torn early again drop sink"):gmatch("%a+") do WORDS[word] = true end

local function read(name)
  local count, rest = name:match("^syn%-(%d+)(.*)$")
  if not count or (rest ~= "" and not rest:match("^%-")) then return nil end
  local spec = {name = name, n = tonumber(count), d = 100, v = 1, size = 1024}
  for part in rest:gmatch("%-([^-]*)") do
    local word, number = part:match("^(%a+)(%d+)$")
    if not word or not WORDS[word] then return nil end
    spec[word] = tonumber(number)
  end
  if spec.d < 1 or spec.v < 1 then return nil end
  for _, word in ipairs {"miss", "etag", "grow", "part", "cut", "odd", "double", "mark", "err", "hex", "time", "colon", "real"} do
    if spec[word] == 0 then spec[word] = nil end
  end
  spec.per = math.max(1, math.ceil(spec.n / spec.d))
  spec.width = math.max(3, #tostring(spec.d - 1))
  spec.stride = floor(2 ^ 48 / math.max(1, spec.n))
  spec.ending = spec.colon and "::jpg" or ".jpg"
  if spec.real then spec.md5 = ngx.md5(string.rep("x", spec.size)) end
  return spec
end

-- The description of a bucket; nil when the name is not of the language above.
function M.spec(name)
  local known = specs[name]
  if known == nil then
    if remembered > 1000 then specs, remembered = {}, 0 end
    known = read(name) or false
    specs[name], remembered = known, remembered + 1
  end
  return known or nil
end

function M.folder(s, d)
  local one = fmt("document%0" .. s.width .. "d/", d)
  return (s.double and d % s.double == 0) and one .. one or one
end

function M.ending(s, i)
  if s.cut and i % s.cut == 0 then return "" end
  if s.odd and i % s.odd == 0 then return M.ODD end
  return s.ending
end

-- The date so many days after the first of January 2024 (Hinnant, chrono-compatible low-level date algorithms).
local dates = {}
local function date(days)
  local known = dates[days]
  if known then return known end
  local z = days + 19723 + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  dates[days] = fmt("%04d-%02d-%02dT", year, month, doy - floor((153 * mp + 2) / 5) + 1)
  return dates[days]
end

M.date = date

local function moment(i)
  local seconds = i * 31
  local left = seconds % 86400
  return fmt("%s%02d:%02d:%02dZ-%010d", date(floor(seconds / 86400)), floor(left / 3600), floor(left / 60) % 60,
    left % 60, i)
end

function M.number(s, i)
  if s.time then return moment(i) end
  return s.hex and fmt("%012x", i * s.stride) or fmt("%010d", i)
end

function M.key(s, i) return M.folder(s, floor(i / s.per)) .. M.number(s, i) .. M.ending(s, i) end

-- The first index whose key is not smaller than k.
function M.lower(s, k)
  local lo, hi = 0, s.n
  while lo < hi do
    local middle = floor((lo + hi) / 2)
    if M.key(s, middle) < k then lo = middle + 1 else hi = middle end
  end
  return lo
end

-- The smallest text greater than every text that begins with p; nil when there is none.
function M.bump(p)
  while #p > 0 do
    local last = byte(p, -1)
    if last < 255 then return sub(p, 1, -2) .. string.char(last + 1) end
    p = sub(p, 1, -2)
  end
end

-- The indices [lo, hi) of the keys that begin with the prefix.
function M.range(s, prefix)
  if prefix == "" then return 0, s.n end
  local after = M.bump(prefix)
  return M.lower(s, prefix), after and M.lower(s, after) or s.n
end

function M.absent(s, i) return s.miss ~= nil and i % s.miss == 0 end

-- The newest version is a delete marker.
function M.hidden(s, i) return s.mark ~= nil and i % s.mark == 0 end

-- The first 22 digits of the ETag of the newest bytes; the last ten are the index.
function M.etag_head(s, i) return (s.etag and i % s.etag == 0) and OTHER or BASE end

function M.etag(s, i, version)
  local age = (version or 0) - (version and M.hidden(s, i) and 1 or 0)
  if s.real then return s.md5 end
  local head = age > 0 and fmt("01d0%018d", age) or M.etag_head(s, i)
  return head .. fmt("%010d", i) .. ((s.part and i % s.part == 0) and "-2" or "")
end

function M.size(s, i) return s.size + ((s.grow and i % s.grow == 0) and 1 or 0) end

-- Versions have rising times; those beyond the 28th share theirs.
function M.day(version) return version < 28 and fmt("2024-01-%02d", 28 - version) or "2023-12-31" end

function M.version_id(i, version) return fmt("%010d.%d", i, version) end

-- The index of a present key, and the version meant; nil when there is no such object.
function M.find(s, key, version_id)
  local i = M.lower(s, key)
  if i >= s.n or M.key(s, i) ~= key or M.absent(s, i) then return nil end
  if version_id == nil or version_id == "" then
    if M.hidden(s, i) then return nil end
    return i, 0
  end
  if version_id == "null" and s.v == 1 then return i, 0 end
  local index, version = version_id:match("^(%d+)%.(%d+)$")
  if tonumber(index) ~= i or tonumber(version) >= s.v then return nil end
  if tonumber(version) == 0 and M.hidden(s, i) then return nil end
  return i, tonumber(version)
end

return M
