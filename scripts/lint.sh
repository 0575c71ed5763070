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

# Tracked files that are still there; a deletion that is not committed yet is no finding.
tracked() {
  local file
  git ls-files -z "$@" | while IFS= read -r -d '' file; do
    [[ -f $file ]] && printf '%s\0' "$file"
  done
  return 0
}

check_format() {
  tracked '*.h' '*.cc' | xargs -0 --no-run-if-empty clang-format --dry-run -Werror
}

check_shell() {
  tracked '*.sh' .ci/run | xargs -0 --no-run-if-empty shellcheck
}

# Unfinished work is an issue, not a comment. The mark is spelt so that this line is none.
check_marks() {
  ! git grep --line-number --word-regexp -E 'TO''DO|FIX''ME|X''XX|HA''CK' -- ':!LICENSE'
}

lint "clang-format" check_format
lint "include layers" /usr/bin/python3 scripts/lint_layers.py
lint "shellcheck" check_shell
lint "no unfinished marks" check_marks
lint "clang-tidy" /usr/bin/python3 scripts/lint_tidy.py "$build"
echo "lint: $passed passed, $failed failed"
[[ $failed -eq 0 ]]
