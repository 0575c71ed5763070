#!/usr/bin/env bash
# Lints the tree: format, include layers, shell scripts, unfinished marks, clang-tidy.
#
#   scripts/lint.sh [BUILD_FOLDER]     with a configured build folder (default build/dev)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/dev}
passed=0
failed=0

lint() {
  local what=$1
  shift
  if "$@"; then
    echo "ok      $what"
    passed=$((passed + 1))
  else
    echo "FAILED  $what"
    failed=$((failed + 1))
  fi
}

code=(core policy scanner drift storage formats exporters daemon cli tests bench fuzz)

check_format() {
  find "${code[@]}" -name '*.h' -print0 -o -name '*.cc' -print0 |
    xargs -0 clang-format --dry-run -Werror
}

check_shell() {
  shellcheck scripts/*.sh .ci/run
}

# Unfinished work is an issue, not a comment. The marks are spelt so that this line has none.
check_marks() {
  ! grep -rInwE 'TO''DO|FIX''ME|X''XX' "${code[@]}" scripts systemd prometheus docs ./*.md ./*.txt
}

lint "clang-format" check_format
lint "include layers" /usr/bin/python3 scripts/lint_layers.py
lint "shellcheck" check_shell
lint "no unfinished marks" check_marks
lint "clang-tidy" /usr/bin/python3 scripts/lint_tidy.py "$build"
echo "lint: $passed passed, $failed failed"
[[ $failed -eq 0 ]]
