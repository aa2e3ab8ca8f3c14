-- Listing pages: ListObjectsV2, ListObjects and ListObjectVersions over the keys of names.lua.
local names = require("names")
local fmt, floor, concat, sub, find = string.format, math.floor, table.concat, string.sub, string.find
local new_table = require("table.new")

local M = {}
M.XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
M.NS = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
local CLOCK = "T03:04:05.000Z"
local CHECKSUM = "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
local STORED = "</Size><StorageClass>STANDARD</StorageClass>"
local DIGITS = {}
for i = 0, 999 do DIGITS[i] = fmt("%03d", i) end

local ESCAPES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\r"] = "&#13;"}
function M.escape(text) return (text:gsub('[&<>"\r]', ESCAPES)) end
local function encode(text) return (text:gsub("[^%w/._~-]", function(c) return fmt("%%%02X", c:byte()) end)) end
-- A name as it stands in an answer.
local function writer(url) return url and encode or M.escape end

local function text(value) return type(value) == "string" and value or "" end

local function ask(arguments)
  local limit = math.min(tonumber(arguments["max-keys"]) or 1000, 1000)
  local url = arguments["encoding-type"] == "url"
  return {prefix = text(arguments.prefix), delimiter = text(arguments.delimiter), limit = limit, url = url,
          write = writer(url)}
end

local function head(root, s, asked)
  return M.XML .. "<" .. root .. M.NS .. "><Name>" .. s.name .. "</Name><Prefix>" .. asked.write(asked.prefix)
    .. "</Prefix><MaxKeys>" .. asked.limit .. "</MaxKeys>"
    .. (asked.delimiter ~= "" and "<Delimiter>" .. asked.write(asked.delimiter) .. "</Delimiter>" or "")
    .. (asked.url and "<EncodingType>url</EncodingType>" or "")
end

local function shown(s, i) return not names.absent(s, i) and not names.hidden(s, i) end

local function present(s, i) return not names.absent(s, i) end

local function skip(s, i, hi, visible)
  while i < hi and not visible(s, i) do i = i + 1 end
  return i
end

-- Three hexadecimal digits; the minute of a day and the second of a minute as they stand in a key.
local HEX, MINUTES, SECONDS = {}, {[true] = {}, [false] = {}}, {}
for v = 0, 4095 do HEX[v] = fmt("%03x", v) end
for v = 0, 59 do SECONDS[v] = fmt("%02dZ-", v) end
for v = 0, 1439 do
  local hour, minute = fmt("%02d", floor(v / 60)), fmt("%02d", v % 60)
  MINUTES[true][v], MINUTES[false][v] = hour .. "%3A" .. minute .. "%3A", hour .. ":" .. minute .. ":"
end

-- The hot loop: no formatting for each key, only table stores.
local function objects(s, asked, i, hi)
  local out, j, n, limit = new_table(9 * asked.limit, 0), 0, 0, asked.limit
  local per, miss, mark, cut, odd, etag, grow, part = s.per, s.miss, s.mark, s.cut, s.odd, s.etag, s.grow, s.part
  local hex, stride, minutes = s.hex, s.stride, MINUTES[asked.url or false]
  local own, ending = s.hex or s.time, asked.write(s.ending)
  local strange = asked.write(names.ODD)
  local middle = "</Key><LastModified>" .. names.day(0) .. CLOCK .. "</LastModified><ETag>&quot;"
  local function tail(mark_of, size) return mark_of .. "&quot;</ETag>" .. CHECKSUM .. "<Size>" .. fmt("%d", size) .. STORED .. "</Contents>" end
  local tails = {[0] = tail("", s.size), tail("", s.size + 1), tail("-2", s.size), tail("-2", s.size + 1)}
  while i < hi and n < limit do
    local d, thousand = floor(i / per), floor(i / 1000)
    local last = math.min(hi, (d + 1) * per, (thousand + 1) * 1000)
    local seven, folder = fmt("%07d", thousand), "<Contents><Key>" .. names.folder(s, d)
    local front, middles = own and folder or folder .. seven, {}
    while i < last and n < limit do
      if not ((miss and i % miss == 0) or (mark and i % mark == 0)) then
        local kind = ((cut and i % cut == 0) and 1 or (odd and i % odd == 0) and 2 or 0) + ((etag and i % etag == 0) and 3 or 0)
        local m = middles[kind]
        if not m then
          m = (kind % 3 == 1 and "" or kind % 3 == 2 and strange or ending) .. middle
            .. (s.md5 or names.etag_head(s, i) .. seven)
          middles[kind] = m
        end
        local digits = DIGITS[i - thousand * 1000]
        out[j + 1] = front
        if hex then
          local v = i * stride
          local high = floor(v / 16777216)
          local low = v - high * 16777216
          local first, third = floor(high / 4096), floor(low / 4096)
          out[j + 2] = HEX[first]; out[j + 3] = HEX[high - first * 4096]
          out[j + 4] = HEX[third]; out[j + 5] = HEX[low - third * 4096]
          j = j + 5
        elseif own then
          local minute = floor(i * 31 / 60)
          local day = floor(minute / 1440)
          out[j + 2] = names.date(day); out[j + 3] = minutes[minute - day * 1440]
          out[j + 4] = SECONDS[i * 31 - minute * 60]; out[j + 5] = seven; out[j + 6] = digits
          j = j + 6
        else
          out[j + 2] = digits
          j = j + 2
        end
        out[j + 1] = m
        out[j + 2] = s.md5 and "" or digits
        out[j + 3] = tails[((grow and i % grow == 0) and 1 or 0) + ((part and not s.md5 and i % part == 0) and 2 or 0)]
        j = j + 3; n = n + 1
      end
      i = i + 1
    end
  end
  return concat(out, "", 1, j), n, i
end

-- One level: keys without a delimiter behind the prefix, and common prefixes.
local function level(s, asked, i, hi)
  local out, groups, n, after = {}, {}, 0, nil
  while n < asked.limit do
    i = skip(s, i, hi, shown)
    if i >= hi then break end
    local key = names.key(s, i)
    local _, cut = find(key, asked.delimiter, #asked.prefix + 1, true)
    n = n + 1
    if cut then
      local group = sub(key, 1, cut)
      groups[#groups + 1] = "<CommonPrefixes><Prefix>" .. asked.write(group) .. "</Prefix></CommonPrefixes>"
      i, after = names.lower(s, names.bump(group)), group
    else
      out[#out + 1] = (objects(s, {limit = 1, write = asked.write, url = asked.url}, i, i + 1))
      i, after = i + 1, key
    end
  end
  return concat(out) .. concat(groups), n, i, after
end

-- Whether no key of the range has the delimiter behind the prefix: then a level is a plain listing.
local function flat(s, asked, lo, hi)
  if asked.delimiter == "" or lo >= hi then return true end
  if asked.delimiter ~= "/" then return false end
  local function deep(i) return find(names.key(s, i), "/", #asked.prefix + 1, true) end
  return not deep(lo) and not deep(hi - 1) and floor(lo / s.per) == floor((hi - 1) / s.per)
end

-- ListObjectsV2, or ListObjects when `second` is false. Returns the page and the index it begins at.
function M.objects(s, arguments, second)
  local asked = ask(arguments)
  local lo, hi = names.range(s, asked.prefix)
  local token = second and arguments["continuation-token"] or nil
  local after = text(second and arguments["start-after"] or arguments.marker)
  if type(token) == "string" then
    local position = tonumber(token:match("^at%-(%d+)$"))
    if not position then return nil end
    lo = math.max(lo, position)
  elseif after ~= "" then
    local i = names.lower(s, after)
    if i < s.n and names.key(s, i) == after then i = i + 1 end
    local group = asked.delimiter ~= "" and sub(after, -#asked.delimiter) == asked.delimiter
    if group and names.bump(after) then i = math.max(i, names.lower(s, names.bump(after))) end
    lo = math.max(lo, i)
  end
  local body, n, i, last
  if flat(s, asked, lo, hi) then
    body, n, i = objects(s, asked, lo, hi)
    last = i > lo and names.key(s, i - 1) or nil
  else
    body, n, i, last = level(s, asked, lo, hi)
  end
  i = skip(s, i, hi, shown)
  local more, onward = i < hi and asked.limit > 0, fmt("at-%d", i)
  local page = floor(lo / 1000) + 1
  if s.early == page then more = false end
  if s.again == page then onward = token or "at-0" end
  return head("ListBucketResult", s, asked) .. (second and "<KeyCount>" .. n .. "</KeyCount>" or "")
    .. "<IsTruncated>" .. tostring(more) .. "</IsTruncated>"
    .. (not more and "" or second and "<NextContinuationToken>" .. onward .. "</NextContinuationToken>"
      or "<NextMarker>" .. asked.write(last) .. "</NextMarker>")
    .. body .. "</ListBucketResult>", page
end

-- Where a listing of versions begins: behind the marker version, or behind all versions of the marker.
local function start(s, key, version_id)
  local i = names.lower(s, key)
  if i >= s.n or names.key(s, i) ~= key then return i, 0 end
  local version = tonumber(version_id:match("^%d+%.(%d+)$"))
  if not version or version + 1 >= s.v then return i + 1, 0 end
  return i, version + 1
end

-- What is the same in the rows of all versions that are as old: up to the ETag, and its first digits.
local function ages(s)
  local known = {}
  return function(version, hidden)
    local of = known[hidden] or {}
    known[hidden] = of
    if not of[version] then
      local age = version - (hidden and 1 or 0)
      of[version] = {(s.v > 1 and "." .. version or "") .. "</VersionId><IsLatest>" .. tostring(version == 0)
        .. "</IsLatest><LastModified>" .. names.day(version) .. CLOCK .. "</LastModified>",
        age > 0 and fmt("01d0%018d", age) or false}
    end
    return of[version]
  end
end

-- The rows of one key from a version on, at most `room`, put behind out[j]. Returns how many, and the last place.
local function version_rows(s, i, version, key, room, of, out, j)
  local number, hidden = fmt("%010d", i), names.hidden(s, i)
  local last = math.min(s.v, version + room) - 1
  local front, id = "<Version><Key>" .. key .. "</Key><VersionId>", s.v > 1 and number or "null"
  local newest, part = names.etag_head(s, i), (s.part and i % s.part == 0) and "-2" or ""
  local tail = part .. "&quot;</ETag><Size>" .. names.size(s, i) .. STORED .. "</Version>"
  if s.md5 then tail = "&quot;</ETag><Size>" .. names.size(s, i) .. STORED .. "</Version>" end
  for v = version, last do
    local facts = of(v, hidden)
    if v == 0 and hidden then
      out[j + 1] = "<DeleteMarker><Key>" .. key .. "</Key><VersionId>"
      out[j + 2] = id; out[j + 3] = facts[1]; out[j + 4] = "</DeleteMarker>"
      j = j + 4
    else
      out[j + 1] = front; out[j + 2] = id; out[j + 3] = facts[1]; out[j + 4] = "<ETag>&quot;"
      if s.md5 then
        out[j + 5] = s.md5; out[j + 6] = ""
      else
        out[j + 5] = facts[2] or newest; out[j + 6] = number
      end
      out[j + 7] = tail
      j = j + 7
    end
  end
  return last - version + 1, j
end

-- ListObjectVersions without a delimiter. Returns the page and the index it begins at.
function M.versions(s, arguments)
  local asked = ask(arguments)
  local lo, hi = names.range(s, asked.prefix)
  local version, marker = 0, text(arguments["key-marker"])
  if marker ~= "" then
    local i, v = start(s, marker, text(arguments["version-id-marker"]))
    if i >= lo then lo, version = i, v end
  end
  local out, j, n, i, last, last_id = new_table(7 * asked.limit, 0), 0, 0, lo, nil, nil
  local of, count = ages(s), 0
  while n < asked.limit do
    i = version > 0 and i or skip(s, i, hi, present)
    if i >= hi then break end
    local key = names.key(s, i)
    count, j = version_rows(s, i, version, asked.write(key), asked.limit - n, of, out, j)
    n, version = n + count, version + count
    last, last_id = key, s.v > 1 and names.version_id(i, version - 1) or "null"
    if version >= s.v then i, version = i + 1, 0 end
  end
  if version == 0 then i = skip(s, i, hi, present) end
  local more, page = i < hi and asked.limit > 0, floor(lo / 1000) + 1
  if s.early == page then more = false end
  if s.again == page then last, last_id = marker, text(arguments["version-id-marker"]) end
  return head("ListVersionsResult", s, asked) .. "<IsTruncated>" .. tostring(more) .. "</IsTruncated>"
    .. (more and "<NextKeyMarker>" .. asked.write(last) .. "</NextKeyMarker><NextVersionIdMarker>" .. last_id
      .. "</NextVersionIdMarker>" or "")
    .. concat(out, "", 1, j) .. "</ListVersionsResult>", page
end

return M
