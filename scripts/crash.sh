#!/usr/bin/env bash
# Kills posternd at random moments, by default 300 times, and checks after each restart that the
# database is whole, that nothing acknowledged is lost and that no finding is false.
#
#   scripts/crash.sh [ROUNDS]      needs root or unprivileged user namespaces; about 2 s a round
#
# POSTERN_BIN names a folder of programs that are built already. The store alone is killed as often,
# in the middle of its commits.
set -euo pipefail

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export POSTERN_CRASH_ROUNDS=${1:-300}
export POSTERN_BIN=${POSTERN_BIN:-$PWD/build/dev/bin}
"$POSTERN_BIN/storage_tests" --gtest_filter=CrashTest.AKilledWriterLeavesOnlyWholeRuns
# Debian's interpreter, whatever comes first on PATH.
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/system/test_crash.py
