#!/bin/bash
# start-moto.sh DIR PORT -- moto in server mode on 127.0.0.1:PORT.  Needs: pip install 'moto[s3,server]'
# Env: MOTO (the program).  Writes DIR/pid, DIR/log, DIR/env; prints the endpoint and keys.
# Idempotent: on a live PORT it only prints.  Stop it with stop-pid.sh DIR.
set -euo pipefail
D=$(mkdir -p "$1"; cd "$1"; pwd); P=$2; PROGRAM=${MOTO:-$(cd "$(dirname "$0")/../.." && pwd)/.venv/bin/moto_server}
say() { printf 'S3_ENDPOINT=http://127.0.0.1:%s\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\nAWS_DEFAULT_REGION=us-east-1\n' "$P" | tee "$D/env"; }
up() { (exec 3<>/dev/tcp/127.0.0.1/"$P") 2>/dev/null; }
up && { say; exit 0; }
cd "$D"
setsid nohup "$PROGRAM" -H 127.0.0.1 -p "$P" >"$D/log" 2>&1 </dev/null &
echo $! >"$D/pid"
for _ in $(seq 300); do up && break; kill -0 "$(cat "$D/pid")" 2>/dev/null || break; sleep 0.1; done
up || { tail -20 "$D/log" >&2; exit 1; }
say
