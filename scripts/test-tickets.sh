#!/usr/bin/env bash
# Tests of tickets that take minutes: what the trackers made without anybody hearing of it, and
# Debian's Redmine as a real tracker, with faults on the way to it.
#
#   scripts/test-tickets.sh [PYTEST ARGUMENT...]     needs a build, and root
#
# Installs Redmine (about 140 packages) where it is missing. POSTERN_BIN names a folder of programs
# that are built already.
set -euo pipefail

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh test trackers
export POSTERN_BIN=${POSTERN_BIN:-$PWD/build/dev/bin}
# Debian's interpreter, whatever comes first on PATH.
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider \
  --numprocesses 3 tests/system/slow_tickets.py tests/system/real_redmine.py "$@"
