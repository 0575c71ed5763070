#!/usr/bin/env bash
# Checks that released programs are hardened: a position-independent executable, relocations that are
# read-only from the start, no executable stack, stack protectors and fortified calls.
#
#     check_hardening.sh PROGRAM...
set -euo pipefail

failures=0

check() {
  local program=$1 what=$2 pattern=$3 facts=$4
  if grep -qE "$pattern" <<<"$facts"; then
    echo "ok      $program: $what"
  else
    echo "FAILED  $program: $what"
    failures=$((failures + 1))
  fi
}

for program in "$@"; do
  headers=$(readelf --wide --file-header --program-headers --dynamic "$program")
  symbols=$(readelf --wide --dyn-syms "$program")
  check "$program" "is a PIE" 'Type: +DYN .*\(Position-Independent Executable' "$headers"
  check "$program" "has read-only relocations" 'GNU_RELRO' "$headers"
  check "$program" "binds at its start" 'FLAGS.*(BIND_NOW|NOW)' "$headers"
  check "$program" "has no executable stack" 'GNU_STACK .* RW ' "$headers"
  check "$program" "has stack protectors" '__stack_chk_fail' "$symbols"
  check "$program" "has fortified calls" '_chk@GLIBC' "$symbols"
done
[[ $failures -eq 0 ]]
