#!/bin/bash
# start-synth-s3.sh DIR PORT -- the synthetic S3 (nginx with LuaJIT) on 127.0.0.1:PORT; synth/names.lua tells what
# its buckets hold. Needs: apt-get install -y --no-install-recommends nginx-light libnginx-mod-http-lua
# Env: WORKERS (1; counts of err and rate are kept by each worker).  Writes DIR/pid, DIR/env; prints the endpoint.
# Idempotent: on a live DIR it only prints.  Stop it with stop-pid.sh DIR.
set -euo pipefail
D=$(mkdir -p "$1"; cd "$1"; pwd); P=$2; H=$(cd "$(dirname "$0")/synth" && pwd); mkdir -p "$D/tmp"
NGINX=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "nginx is not installed: apt-get install nginx-light" >&2; exit 3; }
MODULES=${MODULES:-/usr/lib/nginx/modules}
[ -f "$MODULES/ngx_http_lua_module.so" ] || { echo "nginx has no Lua: apt-get install libnginx-mod-http-lua" >&2; exit 3; }
say() { printf 'S3_ENDPOINT=http://127.0.0.1:%s\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\nAWS_DEFAULT_REGION=us-east-1\n' "$P" | tee "$D/env"; }
up() { (exec 3<>/dev/tcp/127.0.0.1/"$P") 2>/dev/null; }
[ -s "$D/pid" ] && kill -0 "$(cat "$D/pid")" 2>/dev/null && up && { say; exit 0; }
up && { echo "port $P is busy" >&2; exit 1; }
USER_LINE=; [ "$(id -u)" -eq 0 ] && USER_LINE="user $(id -un) $(id -gn);"
cat >"$D/nginx.conf" <<C
load_module $MODULES/ndk_http_module.so;
load_module $MODULES/ngx_http_lua_module.so;
worker_processes ${WORKERS:-1}; pid $D/pid; error_log $D/error.log warn; daemon on; $USER_LINE
events { worker_connections 8192; }
http {
  access_log off; server_tokens off; default_type application/octet-stream;
  keepalive_requests 100000000; keepalive_timeout 300; tcp_nodelay on; tcp_nopush on; merge_slashes off;
  client_body_buffer_size 4m; client_max_body_size 6g; large_client_header_buffers 8 32k; underscores_in_headers on;
  output_buffers 4 512k; postpone_output 0;
  client_body_temp_path $D/tmp; proxy_temp_path $D/tmp; fastcgi_temp_path $D/tmp; uwsgi_temp_path $D/tmp; scgi_temp_path $D/tmp;
  lua_package_path "$H/?.lua;;"; lua_code_cache on; lua_shared_dict requests 1m; lua_shared_dict kept 256m;
  server { listen 127.0.0.1:$P backlog=4096 reuseport; location / { content_by_lua_block { require("synth").handle() } } }
}
C
"$NGINX" -e "$D/error.log" -c "$D/nginx.conf" -p "$D"
for _ in $(seq 600); do up && break; sleep 0.1; done
up || { tail "$D/error.log" >&2; exit 1; }
say
