#!/usr/bin/env bash
# Installs what is missing, builds, lints and runs every test. The last line says how many passed.
#
#   scripts/test.sh
#
# Needs Debian 12, and root or sudo if packages are missing. The system tests make network
# namespaces of their own, as root or in an unprivileged user namespace.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=build/dev
logs=$build/test-logs
jobs=$(nproc)
failed_steps=()
passed=0
failed=0

# Runs a command, keeps its output in a log, and tells its result and time.
step() {
  local name=$1 started=$SECONDS
  shift
  echo "== $name"
  if "$@" 2>&1 | tee "$logs/$name.log"; then
    echo "== $name: done in $((SECONDS - started)) s"
  else
    failed_steps+=("$name")
    echo "== $name: FAILED after $((SECONDS - started)) s"
  fi
  tally "$logs/$name.log"
}

build_all() {
  cmake --preset dev >"$logs/configure.log" || { cat "$logs/configure.log"; return 1; }
  cmake --build --preset dev -j "$jobs" -- --quiet
}

unit_tests() {
  ctest --preset dev --parallel "$jobs" --no-tests=error --progress
}

system_tests() {
  # Debian's interpreter, whatever comes first on PATH: its pytest is the one that was installed.
  # Each worker has a network of its own. The tests mostly wait, so there is one more than cores.
  # A worker has more than one thread, and so can make no user namespace of its own.
  local as_root=()
  [[ $(id -u) -eq 0 ]] || as_root=(unshare --user --map-root-user)
  POSTERN_BIN=$PWD/$build/bin "${as_root[@]}" /usr/bin/python3 -m pytest --quiet --durations=5 \
    --numprocesses $((jobs + 1)) -p no:cacheprovider tests/lint tests/prometheus tests/system
}

# The lints take processor time and the tests mostly wait, so they go on beside each other. They are
# a process group of their own, which ends with this script.
start_lint() {
  setsid nice -n 19 scripts/lint.sh "$build" >"$logs/lint-beside.log" 2>&1 &
  lint=$!
  trap 'kill -- -"$lint" 2>/dev/null || true' EXIT
}

follow_lint() {
  tail --quiet --lines=+1 --follow --pid="$lint" "$logs/lint-beside.log"
  [[ $(tail --lines=1 "$logs/lint-beside.log") == *", 0 failed" ]]
}

# Adds the closing counts of a runner's log to the totals.
tally() {
  local log=$1 closing
  closing=$(tail -n 3 "$log")
  if [[ $(<"$log") =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
    failed=$((failed + BASH_REMATCH[1]))
    passed=$((passed + BASH_REMATCH[2] - BASH_REMATCH[1]))
    return
  fi
  [[ $closing =~ ([0-9]+)\ passed ]] && passed=$((passed + BASH_REMATCH[1]))
  [[ $closing =~ ([0-9]+)\ failed ]] && failed=$((failed + BASH_REMATCH[1]))
  [[ $closing =~ ([0-9]+)\ errors? ]] && failed=$((failed + BASH_REMATCH[1]))
  return 0
}

scripts/install_dependencies.sh build test
mkdir -p "$logs"
rm -f "$logs"/*.log

step build build_all
if [[ ${#failed_steps[@]} -eq 0 ]]; then
  start_lint
  step unit-tests unit_tests
  step systemd scripts/check_systemd.sh
  step system-tests system_tests
  step lint follow_lint
fi

echo
echo "All of it took $SECONDS s."
if [[ ${#failed_steps[@]} -gt 0 ]]; then
  echo "Failed: ${failed_steps[*]}; the whole output is in $logs"
fi
# A step that broke before it could count, a failed build for one.
[[ ${#failed_steps[@]} -gt 0 && $failed -eq 0 ]] && failed=${#failed_steps[@]}
echo "$passed passed, $failed failed"
[[ ${#failed_steps[@]} -eq 0 ]]
