#!/usr/bin/env bash
# Memory of posternd after an hour's worth of cycles on 100 hosts, on this machine's loopback.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/soak.sh

Runs posternd against 100 hosts of 127.0.1.0/24 with the schedule of an hour pressed into two minutes:
60 runs of `expected`, 2 of `top` (1,000 ports) and the sweep's 2,732 ports an hour (a day's 65,535
ports in slices). Prints the resident memory at the start and at the end, the size of the database and
the number of runs. Needs a release build: cmake --preset release && cmake --build --preset release
END
}

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  usage
  exit 0
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
posternd=$root/build/release/bin/posternd
if [[ ! -x $posternd ]]; then
  usage >&2
  exit 2
fi
state=$(mktemp -d)
daemon=
cleanup() {
  if [[ -n $daemon ]]; then
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" || true
  fi
  rm -rf "$state"
}
trap cleanup EXIT

{
  cat <<'END'
version: 1
scope: {authorized_by: "soak test on loopback", include: [127.0.1.0/24]}
viewpoints:
  local: {description: "this machine"}
roles:
  web: [{ports: "tcp/443,8443", state: allowed}]
hosts:
END
  for i in $(seq 1 100); do
    echo "  - {name: host-$i, addresses: [127.0.1.$i], owner: team-$((i % 7)), roles: [web]}"
  done
} >"$state/policy.yaml"
cat >"$state/posternd.yaml" <<'END'
version: 1
viewpoint: local
policy: policy.yaml
storage: sqlite:postern.db
listen: 127.0.0.1:9978
limits: {rate: 100000, host_rate: 10000, network_rate: 100000}
scans:
  - {name: expected, stage: expected, every: 2s}
  - {name: top, stage: top, ports: top-1000, every: 60s}
  - {name: full, stage: full, ports: "tcp/1-2732", every: 120s}
log: {level: warning}
END

metric() {
  curl -fsS http://127.0.0.1:9978/metrics | awk -v name="$1" '$1 == name { printf "%.0f\n", $2 }'
}

"$posternd" --config "$state/posternd.yaml" 2>"$state/log" &
daemon=$!
until curl -fs http://127.0.0.1:9978/-/ready >/dev/null; do
  kill -0 "$daemon" || { cat "$state/log"; exit 2; }
  sleep 0.1
done
echo "resident at the start: $(($(metric process_resident_memory_bytes) / 1024)) KiB"
until [[ $(metric 'postern_scan_runs_total{scan="expected"}') -ge 60 &&
  $(metric 'postern_scan_runs_total{scan="top"}') -ge 2 &&
  $(metric 'postern_scan_runs_total{scan="full"}') -ge 1 ]]; do
  kill -0 "$daemon" || { cat "$state/log"; exit 2; }
  sleep 1
done
echo "resident at the end:   $(($(metric process_resident_memory_bytes) / 1024)) KiB"
echo "database:              $(($(stat -c %s "$state/postern.db") / 1024)) KiB"
for scan in expected top full; do
  echo "runs of $scan: $(metric "postern_scan_runs_total{scan=\"$scan\"}")"
done
echo "probes: $(metric 'postern_probes_sent_total{protocol="tcp"}')"
