#!/usr/bin/env bash
# Installs what is missing, builds the release, and measures `postern scan` beside nmap, masscan and
# zmap in network namespaces of its own.
#
#   scripts/bench.sh [CASE...] [--runs N] [--write docs/scan-benchmarks.md]     --help shows the cases
#   scripts/bench.sh diff [--runs N]                  `postern diff` beside ndiff on large nmap XML
#   scripts/bench.sh opening [--case SCAN]            from a port's opening to its finding's
#   scripts/bench.sh http [--scrapes N]               /metrics in a large scan, and beside slow clients
#   scripts/bench.sh alert                            from a finding to its alert in Alertmanager
#   scripts/bench.sh hung [--seconds N]               the same at a webhook, while other receivers hang
#   scripts/bench.sh compare                          large snapshots against a policy
#
# POSTERN_BIN names a folder of programs that are built already; nothing is built then.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/install_dependencies.sh build bench
if [[ -z ${POSTERN_BIN:-} ]]; then
  [[ -f build/release/build.ninja ]] || cmake --preset release >&2
  cmake --build --preset release -j "$(nproc)" \
    --target postern posternd link_emulator sendmmsg_loop compare_bench -- --quiet >&2
  export POSTERN_BIN=$PWD/build/release/bin
fi
if [[ ${1:-} == compare ]]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  "$POSTERN_BIN/compare_bench" "$folder"
  exit
fi
# Debian's interpreter, whatever comes first on PATH.
if [[ ${1:-} == diff || ${1:-} == opening || ${1:-} == http ]]; then
  name=$1
  shift
  exec /usr/bin/python3 "bench/${name}_bench.py" "$@"
fi
if [[ ${1:-} == alert || ${1:-} == hung ]]; then
  exec /usr/bin/python3 bench/delivery_bench.py "$@"
fi
exec /usr/bin/python3 bench/scan_bench.py "$@"
