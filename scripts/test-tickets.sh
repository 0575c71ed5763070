#!/usr/bin/env bash
# Tests of tickets that take minutes: what the trackers made without anybody hearing of it.
#
#   scripts/test-tickets.sh      needs a build, and root or unprivileged user namespaces
#
# POSTERN_BIN names a folder of programs that are built already.
set -euo pipefail

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export POSTERN_BIN=${POSTERN_BIN:-$PWD/build/dev/bin}
# Debian's interpreter, whatever comes first on PATH.
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/system/slow_tickets.py
