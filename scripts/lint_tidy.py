#!/usr/bin/python3
"""Runs clang-tidy over the product's C++ sources, one process a core. Tests are left to the
compiler's warnings: they would take longer than everything else.

A file that passed is not checked again, in whatever checkout, until something that decides its
result changes: its text, the headers of this tree that it includes, its compile command, .clang-tidy
or clang-tidy itself. What passed is remembered in $XDG_CACHE_HOME/postern/tidy.

    lint_tidy.py BUILD_FOLDER [FILE...]
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMPS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "postern/tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def included_files(source):
    """`source` and every file of this tree that it includes, directly or not."""
    found, queue = set(), [source]
    while queue:
        path = queue.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        for name in INCLUDE.findall(path.read_text(errors="replace")):
            queue += [ROOT / name, ROOT / "tests" / name]
    return sorted(found)


def fingerprint(source, command, common):
    digest = hashlib.sha256(common + command.replace(str(ROOT), "").encode())
    for path in included_files(source):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def sources_to_check(build, wanted):
    """(source, its compile command) of the wanted sources, or of all outside tests/."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["file"])
        if wanted and source not in wanted:
            continue
        if wanted or ROOT / "tests" not in source.parents:
            yield source, entry["command"]


def check(build, source):
    return subprocess.run(
        ["clang-tidy", "--quiet", "-p", build, source],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def main():
    build = Path(sys.argv[1]).resolve()
    STAMPS.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    common = version + (ROOT / ".clang-tidy").read_bytes()

    def passes(job):
        source, command = job
        stamp = STAMPS / fingerprint(source, command, common)
        if stamp.exists():
            return True
        started = time.monotonic()
        result = check(build, source)
        if result.returncode != 0:
            print(result.stdout or f"{source}: clang-tidy failed without a word", flush=True)
            return False
        seconds = time.monotonic() - started
        stamp.write_text(f"{source.relative_to(ROOT)} {seconds:.1f} s\n")
        return True

    wanted = [Path(name).resolve() for name in sys.argv[2:]]
    jobs = list(sources_to_check(build, wanted))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(passes, jobs))
    print(f"clang-tidy: {results.count(True)} files clean, {results.count(False)} not")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
