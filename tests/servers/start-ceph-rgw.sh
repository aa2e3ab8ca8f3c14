#!/bin/bash
# start-ceph-rgw.sh DIR PORT -- one-node Ceph (1 mon, 1 memstore OSD, RADOS Gateway) on 127.0.0.1; no systemd, no root.
# Uses ports PORT (S3), PORT+1 (mon), PORT+10..PORT+29 (OSD).  Data lives in RAM of the ceph-osd process: it is lost on stop.
# Needs: apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common     (Debian 12: Ceph 16.2.15, Debian 13: 18.2.7; both work)
# Env: REGION (us-east-1), AK, SK, MEM (bytes), STORE=memstore|bluestore, CLASSES (extra storage classes), EXTRA (more ceph.conf lines)
# Idempotent: running it again on a live DIR only prints the endpoint; on a dead DIR it wipes DIR and starts anew.
set -euo pipefail
D=$(mkdir -p "$1"; cd "$1"; pwd); P=$2; AK=${AK:-s3test}; SK=${SK:-s3testsecret}; MEM=${MEM:-4294967296} STORE=${STORE:-memstore}
export CEPH_CONF=$D/ceph.conf
say() { printf 'S3_ENDPOINT=http://127.0.0.1:%s\nAWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\nAWS_DEFAULT_REGION=%s\n' "$P" "$AK" "$SK" "${REGION:-us-east-1}" | tee "$D/env"; }
up() { (exec 3<>/dev/tcp/127.0.0.1/"$P") 2>/dev/null; }
[ -f "$D/ready" ] && up && { say; exit 0; }
[ -f "$D/ceph.conf" ] && "$(dirname "$0")/stop-ceph-rgw.sh" "$D" >/dev/null
for q in $P $((P+1)); do (exec 3<>/dev/tcp/127.0.0.1/$q) 2>/dev/null && { echo "port $q is busy" >&2; exit 1; }; done
rm -rf "$D"/{mon,osd,run,log,ready}; mkdir -p "$D"/{mon,osd,run,log}
cat >"$CEPH_CONF" <<C
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$((P+1))]
ms_bind_msgr1 = false
ms_bind_port_min = $((P+10))
ms_bind_port_max = $((P+29))
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
auth_allow_insecure_global_id_reclaim = false
keyring = /dev/null
run_dir = $D/run
admin_socket = $D/run/\$name.asok
pid_file = $D/run/\$name.pid
log_file = $D/log/\$name.log
crash_dir = $D/run
# one OSD, one replica, few PGs, fast paxos
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
# no debug logging: it costs more CPU than the work itself
debug_none = 0/0
$(for s in ms osd mon rgw auth paxos rocksdb bluestore bdev bluefs objecter objclass filestore journal monc rados optracker asok tp timer perfcounter finisher crush rgw_sync civetweb leveldb memdb kstore lockdep context; do echo "debug_$s = 0/0"; done)
[mon]
public_addrv = [v2:127.0.0.1:$((P+1))]
mon_data = $D/mon
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[osd]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_data = $D/osd
osd_objectstore = $STORE
memstore_device_bytes = $MEM
osd_class_load_list = *
osd_class_default_list = *
crush_location = root=default host=h0
osd_scrub_begin_hour = 0
osd_scrub_end_hour = 0
osd_max_scrubs = 0
# a short PG log: a fifth of the memory per object
osd_min_pg_log_entries = 10
osd_max_pg_log_entries = 20
osd_pg_log_dups_tracked = 10
osd_pg_log_trim_min = 10
bluestore_block_size = $MEM
osd_enable_op_tracker = false
[client]
rgw_frontends = beast endpoint=127.0.0.1:$P tcp_nodelay=1
rgw_data = $D/run
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_enable_gc_threads = true
rgw_enable_lc_threads = false
rgw_enable_quota_threads = false
rgw_run_sync_thread = false
rgw_dynamic_resharding = false
rgw_override_bucket_index_max_shards = 1
rgw_relaxed_s3_bucket_names = true
rgw_dns_name = localhost
${EXTRA:-}
C
ceph-mon -i a --mkfs
ceph-mon -i a
U=$(cat /proc/sys/kernel/random/uuid)
ceph --connect-timeout 20 osd new "$U" 0 >/dev/null
ceph-osd -i 0 --mkfs --osd-uuid "$U" 2>>"$D/log/osd.0.mkfs"
ceph-osd -i 0 >>"$D/log/osd.0.mkfs" 2>&1
# the first radosgw-admin creates the default zone; radosgw starts after the zone is complete (it reads it only once)
radosgw-admin user create --uid=test --display-name=test --access-key="$AK" --secret-key="$SK" >"$D/log/user.json" 2>"$D/log/user.err"
# extra storage classes (names only: RGW 16 has no RestoreObject and does not refuse GET of GLACIER)
for c in ${CLASSES-STANDARD_IA GLACIER DEEP_ARCHIVE}; do
  radosgw-admin zonegroup placement add --rgw-zonegroup=default --placement-id=default-placement --storage-class="$c"
  radosgw-admin zone placement add --rgw-zone=default --placement-id=default-placement --storage-class="$c" --data-pool=default.rgw.buckets.data
done >"$D/log/classes" 2>&1
radosgw-admin zonegroup modify --rgw-zonegroup=default --api-name="${REGION:-us-east-1}" >>"$D/log/classes" 2>&1   # else GetBucketLocation says "default"
radosgw -n client.rgw
for i in $(seq 900); do up && break; sleep 0.1; done; up
touch "$D/ready"; say
