#!/bin/bash
# start-ministack.sh DIR PORT -- the MiniStack emulator on 127.0.0.1:PORT.  Needs: pip install ministack
# Env: MINISTACK (the program).  Writes DIR/pid, DIR/log, DIR/env; prints the endpoint and keys.
# Idempotent: on a live PORT it only prints.  Stop it with stop-pid.sh DIR.
set -euo pipefail
D=$(mkdir -p "$1"; cd "$1"; pwd); P=$2; PROGRAM=${MINISTACK:-$(cd "$(dirname "$0")/../.." && pwd)/.venv/bin/ministack}
say() { printf 'S3_ENDPOINT=http://127.0.0.1:%s\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\nAWS_DEFAULT_REGION=us-east-1\n' "$P" | tee "$D/env"; }
up() { (exec 3<>/dev/tcp/127.0.0.1/"$P") 2>/dev/null; }
up && { say; exit 0; }
cd "$D"
setsid nohup env GATEWAY_PORT="$P" BIND_HOST=127.0.0.1 MINISTACK_HOST=127.0.0.1 LOG_LEVEL=ERROR "$PROGRAM" >"$D/log" 2>&1 </dev/null &
echo $! >"$D/pid"
for _ in $(seq 900); do up && break; kill -0 "$(cat "$D/pid")" 2>/dev/null || break; sleep 0.1; done
up || { tail -20 "$D/log" >&2; exit 1; }
say
