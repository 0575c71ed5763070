#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for a while, starting from its corpus in
# fuzz/corpus/NAME. What a run finds is added to a copy of the corpus under build/fuzz.
#
#   scripts/fuzz.sh [SECONDS] [NAME...]     60 seconds each, all targets
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}
shift || true
if ! [[ $seconds =~ ^[0-9]+$ ]]; then
  echo "usage: scripts/fuzz.sh [SECONDS] [NAME...]" >&2
  exit 2
fi

names=("$@")
if [[ ${#names[@]} -eq 0 ]]; then
  for source in fuzz/*_fuzz.cc; do
    names+=("$(basename "$source" _fuzz.cc)")
  done
fi

scripts/install_dependencies.sh build fuzz
echo "== Building the fuzz targets"
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)" --target "${names[@]/%/_fuzz}" -- --quiet

failed=0
for name in "${names[@]}"; do
  echo "== Fuzzing $name for $seconds s"
  grown=build/fuzz/corpus/$name
  mkdir -p "$grown"
  seeds=()
  [[ -d fuzz/corpus/$name ]] && seeds=("fuzz/corpus/$name")
  "build/fuzz/bin/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/$name-" \
    "$grown" "${seeds[@]}" || failed=$((failed + 1))
done
echo "$((${#names[@]} - failed)) passed, $failed failed"
[[ $failed -eq 0 ]]
