#!/usr/bin/env bash
# Kills posternd at random moments, by default 500 times, while findings open and end, half of them
# while something is being delivered; then checks that each transition reached each receiver.
#
#   scripts/deliver.sh [ROUNDS]      needs root or unprivileged user namespaces; about 1.5 s a round
#
# POSTERN_BIN names a folder of programs that are built already.
set -euo pipefail

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export POSTERN_DELIVER_ROUNDS=${1:-500}
export POSTERN_BIN=${POSTERN_BIN:-$PWD/build/dev/bin}
# Debian's interpreter, whatever comes first on PATH.
exec /usr/bin/python3 -m pytest -q -rP -p no:cacheprovider tests/system/test_deliver.py
