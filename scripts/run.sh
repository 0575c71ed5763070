#!/usr/bin/env bash
# Installs what is missing, builds, and runs Postern on this machine.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/run.sh [--once] [POLICY]

Without --once: starts posternd, shows the drift that its first scans find and where the metrics
are, and stays until Ctrl-C.
With --once: one full cycle over all TCP ports, then exits with the status of `postern drift`:
0 nothing found, 1 drift or an invalid policy, 2 could not tell.

POLICY is a policy file or folder, scanned with the default limits. Without one a small policy for
this machine's loopback is written: nothing is expected to listen on 127.0.0.1 and ::1.

Environment:
  POSTERN_STATE      folder for policy, configuration and database (default: build/run)
  POSTERN_VIEWPOINT  where POLICY is seen from (default: the first viewpoint that it names, or
                     local)
END
}

once=false
policy=
while [[ $# -gt 0 ]]; do
  case $1 in
    --once) once=true ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "run.sh: unknown option '$1'" >&2; usage >&2; exit 2 ;;
    *)
      if [[ -n $policy ]]; then
        echo "run.sh: one policy at most; '$1' is a second one" >&2
        exit 2
      fi
      policy=$1
      ;;
  esac
  shift
done
if [[ -n $policy ]]; then
  policy=$(realpath -e -- "$policy") || exit 2
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "${POSTERN_STATE:-$root/build/run}"
state=$(realpath "${POSTERN_STATE:-$root/build/run}")
bin=$root/build/release/bin
config=$state/posternd.yaml
log=$state/posternd.log
called_from=$PWD

# A path as it is typed where the script was called.
shown() {
  realpath --relative-base="$called_from" -- "$1"
}

build() {
  "$root/scripts/install_dependencies.sh" build
  cd "$root"
  if [[ ! -f build/release/build.ninja ]]; then
    echo "== Configuring (build/release)"
    cmake --preset release >"$state/configure.log" || { cat "$state/configure.log"; exit 2; }
  fi
  local started=$SECONDS
  echo "== Building (minutes the first time, a moment when nothing changed)"
  cmake --build --preset release -j "$(nproc)" --target posternd postern -- --quiet || exit 2
  echo "== Built in $((SECONDS - started)) s"
}

listens() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
  local port=9977
  while listens "$port"; do
    port=$((port + 1))
  done
  echo "$port"
}

loopback_addresses() {
  # A kernel without IPv6, or with it switched off, has no ::1 to ask.
  if grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2>/dev/null; then
    echo '127.0.0.1, "::1"'
  else
    echo '127.0.0.1'
  fi
}

write_loopback_policy() {
  local addresses
  addresses=$(loopback_addresses)
  cat >"$1" <<END
# Written anew by scripts/run.sh each time. To make it yours, copy it, edit the copy and call
# scripts/run.sh COPY.
version: 1

scope:
  authorized_by: "scripts/run.sh: this machine's own loopback"
  include: [$addresses]

viewpoints:
  local: {description: "this machine itself"}

hosts:
  - name: localhost
    addresses: [$addresses]
    owner: "$(id -un)"
    expect:
      - {ports: "tcp/$port", state: allowed, families: [ipv4], note: "Postern's own metrics"}
    otherwise: not_open
END
}

# The first name under `viewpoints:`, in block or flow style.
first_viewpoint() {
  local files=("$1")
  [[ -d $1 ]] && files=("$1"/*.yaml)
  local name
  name=$(awk '
    /^viewpoints:/ { inside = 1; sub(/^viewpoints:[ {]*/, "") }
    inside && match($0, /[A-Za-z0-9._-]+["'\'']?[ ]*:/) {
      name = substr($0, RSTART, RLENGTH)
      gsub(/["'\'': ]/, "", name)
      print name
      exit
    }' "${files[@]}")
  echo "${name:-local}"
}

write_config() {
  local viewpoint=$1 limits=$2 top=$3 full=$4
  database=$state/$viewpoint.db  # one viewpoint, one database
  cat >"$config" <<END
# Written anew by scripts/run.sh each time.
version: 1
viewpoint: $viewpoint
policy: "$policy"
storage: "sqlite:$database"
listen: 127.0.0.1:$port
control_socket: "$state/postern.sock"
$limits
scans:
  - {name: expected, stage: expected, every: 1m}
  - {name: top, stage: top, $top}
  - {name: full, stage: full, ports: all, $full}
END
}

prepare() {
  port=$(free_port)
  if [[ -z $policy ]]; then
    policy=$state/policy.yaml
    echo "== Writing a policy for this machine's loopback: $(shown "$policy")"
    write_loopback_policy "$policy"
    # Loopback answers at once and disturbs nobody: every port in one go, with high caps.
    write_config local 'limits: {rate: 50000, host_rate: 50000, network_rate: 50000}' \
      'ports: all, every: 1m' 'every: 15m'
    top_since=$(date +%s)
  else
    write_config "${POSTERN_VIEWPOINT:-$(first_viewpoint "$policy")}" '' \
      'ports: top-1000, every: 1h' 'every: 24h'
    top_since=0  # an hourly scan may have been done before
  fi
  local status=0
  "$bin/postern" check "$config" >"$state/check.log" 2>&1 || status=$?
  if [[ $status -ne 0 ]]; then
    cat "$state/check.log" >&2
    exit "$status"
  fi
}

metric() {
  curl --silent --max-time 5 "http://127.0.0.1:$port/metrics" |
    awk -v series="$1" '$1 == series { print $2; found = 1 } END { exit !found }'
}

# Whether a scan succeeded after a time.
scanned() {
  local last
  last=$(metric "postern_scan_last_success_timestamp_seconds{scan=\"$1\"}") &&
    awk -v last="$last" -v since="$2" 'BEGIN { exit !(last + 0 > since + 0) }'
}

first_scans_done() {
  curl --silent --fail --output /dev/null --max-time 5 "http://127.0.0.1:$port/-/ready" &&
    scanned expected "$started" && scanned top "$top_since"
}

# 0: the first scans are done. 1: not within the time. Exits if the daemon did.
wait_for_first_scans() {
  local deadline=$((SECONDS + $1))
  until first_scans_done; do
    if ! kill -0 "$daemon" 2>/dev/null; then
      echo "run.sh: posternd stopped; its log ($log) ends with:" >&2
      tail -n 20 "$log" >&2
      exit 2
    fi
    [[ $SECONDS -lt $deadline ]] || return 1
    sleep 0.2
  done
}

stop_daemon() {
  trap - INT TERM
  echo
  echo "== Stopping posternd"
  kill -TERM "$daemon" 2>/dev/null || true
  wait "$daemon" || true
  exit 0
}

run_daemon() {
  echo "== Starting posternd (log: $(shown "$log"))"
  "$bin/posternd" --config "$config" >>"$log" 2>&1 &
  daemon=$!
  started=$(date +%s)
  trap stop_daemon INT TERM
  echo "== Waiting for the first scans"
  if ! wait_for_first_scans 300; then
    echo "== The first scans go on; this is what they found so far"
  fi
  echo
  local findings
  findings=$("$bin/postern" findings list --config "$config") || true
  echo "${findings:-No findings: nothing is open that the policy does not allow.}"
  cat <<END

Findings:  $(shown "$bin/postern") findings list --config $(shown "$config")
Metrics:   http://127.0.0.1:$port/metrics
Policy:    $(shown "$policy")
Database:  $(shown "$database")

posternd goes on scanning; Ctrl-C stops it.
END
  wait "$daemon"
}

build
prepare
if $once; then
  echo "== One cycle over all TCP ports"
  exec "$bin/postern" drift --config "$config" --ports all
fi
run_daemon
