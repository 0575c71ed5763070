#!/usr/bin/python3
"""Measures `postern diff` beside ndiff on two nmap XML files in which every port is listed.

Both compare the same generated files, in turns, and must find exactly the differences that the
generator made.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nmap_files

ROOT = Path(__file__).resolve().parent.parent
POSTERN = Path(os.environ.get("POSTERN_BIN", ROOT / "build/release/bin")) / "postern"

SHARE_OF_TIME = 1 / 25
SHARE_OF_MEMORY = 1 / 8


@dataclass
class Run:
    """What one comparison took, and the (address, port) that it said differ."""

    seconds: float
    processor_seconds: float
    megabytes: float
    differences: set


def measure(command, output, differences_in):
    begin = time.monotonic()
    with open(output, "wb") as out, subprocess.Popen(
        command, stdout=out, stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 1:
        sys.exit(f"{command[0]} exited {process.returncode}; 1 says that there are differences")
    return Run(
        seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, differences_in(output)
    )


def postern_differences(path):
    with open(path, encoding="utf-8") as lines:
        return {(line["address"], line["port"]) for line in map(json.loads, lines)}


def ndiff_differences(path):
    """Of `ndiff --xml`: every port in a portdiff; what did not change stands outside of one."""
    differences = set()
    for host in ET.parse(path).getroot().iter("hostdiff"):
        address = host.find(".//address").get("addr")
        for port in host.iterfind(".//portdiff"):
            differences.add((address, int(port.find(".//port").get("portid"))))
    return differences


def verdicts(postern, ndiff, expected):
    """Lines that say whether each goal was reached."""

    def say(reached, text):
        return f"- {'reached' if reached else 'NOT REACHED'}: {text}"

    time_share = statistics.median(r.seconds for r in postern) / statistics.median(
        r.seconds for r in ndiff
    )
    memory_share = max(r.megabytes for r in postern) / max(r.megabytes for r in ndiff)
    exact = all(run.differences == expected for run in postern + ndiff)
    return [
        say(exact, f"both found the {len(expected)} differences that were made, and no other"),
        say(time_share <= SHARE_OF_TIME, f"time to ndiff's: 1/{1 / time_share:.0f}, at most 1/25"),
        say(
            memory_share <= SHARE_OF_MEMORY,
            f"memory to ndiff's: 1/{1 / memory_share:.0f}, at most 1/8",
        ),
    ]


def report(options, paths, expected, postern, ndiff):
    sizes = " and ".join(f"{path.stat().st_size / 1e6:.0f} MB" for path in paths)
    lines = [
        f"{options.hosts} hosts with {options.ports} ports each ({sizes}), {len(expected)}"
        f" differences, {len(postern)} runs each in turns:",
        "",
        "| tool | s (median) | s (slowest) | processor s | peak MB | differences |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in (("postern diff", postern), ("ndiff", ndiff)):
        lines.append(
            f"| {name} | {statistics.median(r.seconds for r in runs):.2f}"
            f" | {max(r.seconds for r in runs):.2f}"
            f" | {statistics.median(r.processor_seconds for r in runs):.2f}"
            f" | {max(r.megabytes for r in runs):.0f} | {len(runs[-1].differences)} |"
        )
    return "\n".join(lines + [""] + verdicts(postern, ndiff, expected))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--ports", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="postern-diff-") as folder:
        folder = Path(folder)
        print("writing the files", file=sys.stderr)
        # In a process of its own: the kernel counts a parent's memory to the peak of its children.
        with ProcessPoolExecutor(1) as pool:
            paths, expected = pool.submit(
                nmap_files.write_pair, folder, options.hosts, options.ports, options.changes
            ).result()
        postern, ndiff = [], []
        for number in range(options.runs):
            print(f"run {number + 1} of {options.runs}", file=sys.stderr)
            command = [POSTERN, "diff", "--format", "jsonl", *paths]
            postern.append(measure(command, folder / "out", postern_differences))
            ndiff.append(measure(["ndiff", "--xml", *paths], folder / "out", ndiff_differences))
        text = report(options, paths, expected, postern, ndiff)
    print(text)
    return 1 if "NOT REACHED" in text else 0


if __name__ == "__main__":
    sys.exit(main())
