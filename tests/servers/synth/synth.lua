-- A synthetic S3 for measuring and testing clients. What a bucket holds follows from its name (names.lua).
-- Writes are answered with success and forgotten, except in a sink. Signatures are not checked.
-- GET /_requests tells how many requests of each API came since the last DELETE /_requests.
local names, listing = require("names"), require("listing")
local ngx, find, sub, floor = ngx, string.find, string.sub, math.floor
local XML, NS, escape = listing.XML, listing.NS, listing.escape
local counts, kept = ngx.shared.requests, ngx.shared.kept
local M, seen, second, rate = {}, {}, 0, {}

local function send(status, body, kind)
  ngx.status = status
  ngx.header["Content-Type"] = kind or "application/xml"
  ngx.header["x-amz-request-id"] = "SYNTH"
  ngx.header["Content-Length"] = #body
  ngx.print(body)
  return ngx.exit(status)
end

local function fail(status, code)
  if ngx.req.get_method() == "HEAD" then return ngx.exit(status) end
  return send(status, XML .. "<Error><Code>" .. code .. "</Code><Message>synthetic</Message><RequestId>SYNTH</RequestId></Error>")
end

local function result(root, inner) return send(200, XML .. "<" .. root .. NS .. ">" .. inner .. "</" .. root .. ">") end

-- Faults of a bucket that concern every request. True when the answer was given.
local function troubled(s, key, arguments)
  if s.lat then ngx.sleep(s.lat / 1000) end
  if s.err then
    seen[s.name] = (seen[s.name] or 0) + 1
    if seen[s.name] % s.err == 0 then fail(503, "SlowDown"); return true end
  end
  if s.rate then
    local now = floor(ngx.now())
    if now ~= second then second, rate = now, {} end
    local prefix = (key ~= "" and key or type(arguments.prefix) == "string" and arguments.prefix or ""):match("^[^/]*")
    local group = s.name .. "/" .. prefix
    rate[group] = (rate[group] or 0) + 1
    if rate[group] > s.rate then fail(503, "SlowDown"); return true end
  end
  return false
end

-- One page, or the fault that the bucket has for it.
local function page(s, body, number)
  if not body then return fail(400, "InvalidArgument") end
  if s.throttle == number then return fail(503, "SlowDown") end
  if s.refuse == number then return fail(400, "InvalidRequest") end
  if s.html == number then return send(200, "<html><body>Sign in</body></html>", "text/html") end
  if s.blank == number then return send(200, "") end
  if s.torn == number then return send(200, sub(body, 1, floor(#body * 0.7))) end
  if s.drop == number then return ngx.exit(444) end
  return send(200, body)
end

local function body_of_request()
  local body = ngx.req.get_body_data()
  local file = not body and ngx.req.get_body_file()
  if file then
    local handle = io.open(file, "rb")
    body = handle:read("*a")
    handle:close()
  end
  return body or ""
end

local CONFIGURATIONS = {acl = "NoSuchConfiguration", policy = "NoSuchBucketPolicy", lifecycle = "NoSuchLifecycleConfiguration",
  tagging = "NoSuchTagSet", inventory = "NoSuchConfiguration", cors = "NoSuchCORSConfiguration",
  ["object-lock"] = "ObjectLockConfigurationNotFoundError", replication = "ReplicationConfigurationNotFoundError"}

local function facts(s, arguments)
  if arguments.location then return result("LocationConstraint", "") end
  if arguments.versioning then return result("VersioningConfiguration", s.v > 1 and "<Status>Enabled</Status>" or "") end
  if arguments.encryption then
    return result("ServerSideEncryptionConfiguration", "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
      .. "</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>")
  end
  if arguments.uploads then return result("ListMultipartUploadsResult", "<Bucket>" .. s.name .. "</Bucket><IsTruncated>false</IsTruncated>") end
  for name, code in pairs(CONFIGURATIONS) do
    if arguments[name] then return fail(404, code) end
  end
  return page(s, listing.objects(s, arguments, arguments["list-type"] ~= nil))
end

local function delete_many()
  local body = body_of_request()
  if find(body, "<Quiet>true</Quiet>", 1, true) then return result("DeleteResult", "") end
  local from = find(body, "<Object>", 1, true)
  if not from then return fail(400, "MalformedXML") end
  local deleted, count = sub(body, from):gsub("</Delete>%s*$", ""):gsub("Object>", "Deleted>")
  if count > 2000 then return fail(400, "MalformedXML") end
  deleted = deleted:gsub("<Quiet>false</Quiet>", ""):gsub("<ETag>[^<]*</ETag>", "")
  return result("DeleteResult", deleted)
end

-- (ETag, size, version) of an object that is there: written to a sink before, or of the name.
local function object(s, key, version_id)
  local written = s.sink and kept:get(s.name .. "/" .. key)
  if written then
    local etag, size = written:match("^(%S+) (%d+)$")
    return etag, tonumber(size), nil
  end
  local i, version = names.find(s, key, version_id)
  if not i then return nil end
  return names.etag(s, i, version), names.size(s, i), s.v > 1 and names.version_id(i, version) or nil
end

local function keep(s, key, etag, size)
  if s.sink then kept:set(s.name .. "/" .. key, etag .. " " .. string.format("%d", size)) end
end

local function unquoted(text) return text and (text:gsub('"', "")) or nil end

-- (ETag, size) of the source of a copy; nil after the error was sent.
local function source_of_copy(header)
  local path, version_id = header:match("^(.*)%?versionId=(.*)$")
  local bucket, key = ngx.unescape_uri(path or header):match("^/?([^/]+)/(.*)$")
  local s = bucket and names.spec(bucket)
  local etag, size = nil, nil
  if s then etag, size = object(s, key, version_id) end
  if not etag then fail(404, "NoSuchKey"); return nil end
  local wanted = unquoted(ngx.var.http_x_amz_copy_source_if_match)
  if wanted and wanted ~= etag then fail(412, "PreconditionFailed"); return nil end
  return etag, size
end

local function put(s, key, arguments)
  local header, now = ngx.var.http_x_amz_copy_source, "<LastModified>2024-01-29T03:04:05.000Z</LastModified>"
  if not arguments.partNumber then
    local etag = object(s, key)
    local wanted, unwanted = ngx.ctx.if_match, ngx.ctx.if_none_match
    if (unwanted == "*" and etag) or (wanted and wanted ~= etag) then return fail(412, "PreconditionFailed") end
  end
  if header then
    local etag, size = source_of_copy(header)
    if not etag then return end
    local root = arguments.partNumber and "CopyPartResult" or "CopyObjectResult"
    if not arguments.partNumber then keep(s, key, etag, size) end
    return result(root, now .. '<ETag>"' .. etag .. '"</ETag>')
  end
  local body = body_of_request()
  local etag = ngx.md5(body)
  if not arguments.partNumber then keep(s, key, etag, #body) end
  ngx.header["ETag"] = '"' .. etag .. '"'
  return send(200, "")
end

local function get(s, key, arguments, method)
  if arguments.tagging then return result("Tagging", "<TagSet/>") end
  local etag, size, version_id = object(s, key, type(arguments.versionId) == "string" and arguments.versionId or nil)
  if not etag then return fail(404, arguments.versionId and "NoSuchVersion" or "NoSuchKey") end
  ngx.header["ETag"] = '"' .. etag .. '"'
  ngx.header["Last-Modified"] = "Sun, 28 Jan 2024 03:04:05 GMT"
  ngx.header["Accept-Ranges"] = "bytes"
  ngx.header["Content-Type"] = "image/jpeg"
  ngx.header["x-amz-version-id"] = version_id
  local wanted, unwanted = ngx.ctx.if_match, ngx.ctx.if_none_match
  if wanted and wanted ~= etag then return fail(412, "PreconditionFailed") end
  if unwanted == etag or unwanted == "*" then return ngx.exit(304) end
  local first, last = (ngx.var.http_range or ""):match("^bytes=(%d+)%-(%d*)$")
  local length = size
  if first then
    first, last = tonumber(first), math.min(tonumber(last) or size - 1, size - 1)
    if first > last then return fail(416, "InvalidRange") end
    length, ngx.status = last - first + 1, 206
    ngx.header["Content-Range"] = string.format("bytes %d-%d/%d", first, last, size)
  end
  ngx.header["Content-Length"] = length
  if method == "GET" then ngx.print(string.rep("x", length)) end
end

local function multipart(s, key, arguments)
  local names_it = "<Bucket>" .. s.name .. "</Bucket><Key>" .. escape(key) .. "</Key>"
  if arguments.uploads then return result("InitiateMultipartUploadResult", names_it .. "<UploadId>u1</UploadId>") end
  return result("CompleteMultipartUploadResult", names_it .. '<ETag>"d41d8cd98f00b204e9800998ecf8427e-1"</ETag>')
end

local function on_object(s, key, arguments, method)
  if method == "PUT" then return put(s, key, arguments) end
  if method == "POST" then return multipart(s, key, arguments) end
  if method ~= "DELETE" then return get(s, key, arguments, method) end
  local wanted, etag = ngx.ctx.if_match, object(s, key)
  if wanted and etag and wanted ~= etag then return fail(412, "PreconditionFailed") end
  if s.sink then kept:delete(s.name .. "/" .. key) end
  if s.v > 1 and not arguments.versionId then
    ngx.header["x-amz-delete-marker"], ngx.header["x-amz-version-id"] = "true", "marker"
  end
  return ngx.exit(204)
end

local function on_bucket(s, arguments, method)
  if method == "GET" then
    if arguments.versions then return page(s, listing.versions(s, arguments)) end
    return facts(s, arguments)
  end
  if method == "POST" and arguments.delete then return delete_many() end
  ngx.header["x-amz-bucket-region"] = "us-east-1"
  return send(200, "")
end

-- The name under which a request is counted.
local function api(method, key, arguments)
  if key ~= "" then
    if method == "PUT" and ngx.var.http_x_amz_copy_source then return "COPY" end
    return method
  end
  if method ~= "GET" then return arguments.delete and "DELETE-MANY" or method .. "-BUCKET" end
  if arguments.versions then return "LIST-VERSIONS" end
  for name in pairs(arguments) do
    if CONFIGURATIONS[name] or name == "location" or name == "versioning" or name == "encryption" or name == "uploads" then return "FACTS" end
  end
  return "LIST"
end

local function requests(method)
  if method == "DELETE" then counts:flush_all(); return ngx.exit(204) end
  local lines = {}
  for _, name in ipairs(counts:get_keys(0)) do lines[#lines + 1] = '"' .. name .. '":' .. counts:get(name) end
  return send(200, "{" .. table.concat(lines, ",") .. "}", "application/json")
end

-- nginx would answer conditions itself, also those of a PUT, by the ETag of the answer.
local function take_conditions()
  ngx.ctx.if_match, ngx.ctx.if_none_match = unquoted(ngx.var.http_if_match), unquoted(ngx.var.http_if_none_match)
  ngx.req.clear_header("If-Match")
  ngx.req.clear_header("If-None-Match")
end

function M.handle()
  local method, arguments = ngx.req.get_method(), ngx.req.get_uri_args(50)
  local bucket, key = ngx.var.uri:match("^/([^/]+)/?(.*)$")
  if bucket == "_requests" then return requests(method) end
  if not bucket then
    return result("ListAllMyBucketsResult", "<Owner><ID>synthetic</ID></Owner><Buckets><Bucket><Name>syn-1000000</Name>"
      .. "<CreationDate>2024-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets>")
  end
  counts:incr(api(method, key, arguments), 1, 0)
  local s = names.spec(bucket)
  if not s then return fail(404, "NoSuchBucket") end
  if method == "PUT" or method == "POST" then ngx.req.read_body() end
  if troubled(s, key, arguments) then return end
  take_conditions()
  if key == "" then return on_bucket(s, arguments, method) end
  return on_object(s, key, arguments, method)
end

return M
