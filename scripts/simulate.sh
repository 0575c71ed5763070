#!/usr/bin/env bash
# Plays rescans of a simulated network with the real retries, judging and store: no false finding
# may open or end, and none may be missed. docs/benchmarks.md has what came of it.
#
#   scripts/simulate.sh [RESCANS] [SEED]         10,000 rescans take some minutes
#
# Prints what happened, with each violation. Exit status 1 if there was any.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -f build/release/build.ninja ]] || cmake --preset release >&2
cmake --build --preset release -j "$(nproc)" --target simulate -- --quiet >&2

folder=$(mktemp -d -p /dev/shm simulate.XXXXXX)
trap 'rm -rf "$folder"' EXIT
build/release/bin/simulate "$folder/postern.db" "${1:-10000}" "${2:-1}"
