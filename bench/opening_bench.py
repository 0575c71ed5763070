#!/usr/bin/python3
"""Measures how long after a port opens its finding is open: the real posternd in the test lab.

Ports open at random times, each over one family, while the scans run; what is told is the time from
listen() to the finding's own `opened`. A finding must be there within one period of its scan (for a
sweep: and one slice) and 5 s.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "system")]
os.environ.setdefault("POSTERN_BIN", str(ROOT / "build/release/bin"))

# pylint: disable=wrong-import-position
from daemon import Daemon  # noqa: E402
from lab import Lab, enter_private_network, make_bridge, wait_for  # noqa: E402

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web
    expect:
      - {ports: "tcp/22", state: open}
      - {ports: "tcp/2000-2999", state: closed}
"""
ALLOWANCE_S = 5

# Listens where each line of its input says, and answers with the time at which it did.
OPENER = """
import socket, sys, time
open_sockets = []
for line in sys.stdin:
    address, port = line.split()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, int(port)))
    listener.listen(128)
    open_sockets.append(listener)
    print(time.time(), flush=True)
"""


@dataclass
class Case:
    """A scan whose ports are opened."""

    name: str
    every_s: int
    ports: range
    openings: int
    scan: str
    slice_s: int = 0

    @property
    def bound_s(self):
        return self.every_s + self.slice_s + ALLOWANCE_S


CASES = [
    Case("expected", 10, range(2000, 3000), 25, "stage: expected, every: 10s"),
    Case("top", 10, range(4000, 5000), 25, 'stage: top, ports: "tcp/4000-4999", every: 10s'),
    Case("full", 30, range(6000, 9000), 20, 'stage: full, ports: "tcp/6000-8999", every: 30s', 30),
]


class Opener:
    """Opens ports inside the target's namespace."""

    def __init__(self, target):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", target.name, sys.executable, "-c", OPENER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def open(self, address, port):
        """Returns when the port was open."""
        self.process.stdin.write(f"{address} {port}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def open_at_random_times(opener, target, case, rng):
    """{(address, port): time of listen()}, spread over about four periods."""
    opened = {}
    for port in rng.sample(case.ports, case.openings):
        time.sleep(rng.uniform(0, 2 * 4 * case.every_s / case.openings))
        address = rng.choice(target.addresses)
        opened[address, port] = opener.open(address, port)
    return opened


def latencies(daemon, opened, case):
    def found():
        findings = {(f["address"], f["port"]): f for f in daemon.findings(state="open")}
        return all(key in findings for key in opened) and findings

    findings = wait_for(f"{case.name}: all findings are open", found, timeout=3 * case.bound_s)
    return sorted(seconds(findings[key]["opened"]) - at for key, at in opened.items())


def measure(case, seed):
    """Sorted seconds from each opening to its finding."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="opening-") as folder:
        lab = Lab(folder)
        try:
            target = lab.target("web-1", 10)
            opener = Opener(target)
            opener.open(target.ipv4, 22)
            opener.open(target.ipv6, 22)
            daemon = Daemon(lab, POLICY, scans=f"\n  - {{name: {case.name}, {case.scan}}}")
            daemon.start()
            daemon.wait_for_runs(case.name, 0, timeout=2 * case.bound_s)
            opened = open_at_random_times(opener, target, case, rng)
            took = latencies(daemon, opened, case)
            daemon.stop()
            opener.close()
            return took
        finally:
            lab.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the times and the ports")
    parser.add_argument("--case", choices=[case.name for case in CASES], help="only this one")
    arguments = parser.parse_args()
    enter_private_network()
    make_bridge()
    print("| scan | every s | openings | median s | slowest s | at most s | |")
    print("|---|---|---|---|---|---|---|")
    missed = False
    for case in CASES:
        if arguments.case not in (None, case.name):
            continue
        took = measure(case, arguments.seed)
        reached = took[-1] <= case.bound_s
        missed = missed or not reached
        print(
            f"| {case.name} | {case.every_s} | {len(took)} | {statistics.median(took):.1f} "
            f"| {took[-1]:.1f} | {case.bound_s} | {'reached' if reached else 'NOT REACHED'} |",
            flush=True,
        )
    print(f"\nload average {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
