#!/bin/bash
# stop-pid.sh DIR -- stops the process whose id is in DIR/pid.
p=$(cat "$1/pid" 2>/dev/null) || exit 0
kill "$p" 2>/dev/null
for _ in $(seq 10); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
kill -9 "$p" 2>/dev/null
rm -f "$1/pid"
