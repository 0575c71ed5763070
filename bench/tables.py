"""The tables that the benchmarks print, and what they say of the machine."""

import os
import platform
import shutil
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Table:
    """The result of a case: rows of text, and what was asked of it with whether it was reached."""

    title: str
    header: list
    rows: list = field(default_factory=list)
    checks: list = field(default_factory=list)

    def check(self, text, reached):
        self.checks.append((text, bool(reached)))

    def ratio(self, what, value, limit, at_least=False):
        reached = value >= limit if at_least else value <= limit
        bound = "at least" if at_least else "at most"
        self.check(f"{what}: {value:.2f}, {bound} {limit}", reached)

    def text(self):
        lines = ["| " + " | ".join(row) + " |" for row in [self.header, *self.rows]]
        lines.insert(1, "|" + "---|" * len(self.header))
        checks = [f"- {'reached' if ok else 'NOT REACHED'}: {text}" for text, ok in self.checks]
        return "\n".join([f"### {self.title}", "", *lines, "", *checks, ""])


class Results:
    """The runs of one tool; medians, but the worst of what must be right in each."""

    def __init__(self, tool):
        self.tool, self.runs = tool, []

    def median(self, value):
        return statistics.median(value(measured) for measured, _ in self.runs)

    @property
    def seconds(self):
        return self.median(lambda m: m.seconds)

    @property
    def cpu_a_packet(self):
        return self.median(lambda m: m.cpu / max(m.packets, 1) * 1e6)

    @property
    def found(self):
        return min(judged.found for _, judged in self.runs)

    @property
    def wrong(self):
        return max(judged.wrong for _, judged in self.runs)

    @property
    def unknown(self):
        return max(judged.unknown for _, judged in self.runs)

    HEADER = [
        *("tool", "time s", "without fixed wait s", "sending s", "found", "wrong", "unknown"),
        *("packets", "CPU s", "CPU us/packet", "peak MB"),
    ]

    def row(self):
        return [
            self.tool.name,
            f"{self.seconds:.2f}",
            f"{self.seconds - self.tool.fixed_wait:.2f}",
            f"{self.median(lambda m: m.sending()):.2f}",
            *(str(n) for n in (self.found, self.wrong, self.unknown)),
            f"{self.median(lambda m: m.packets):.0f}",
            f"{self.median(lambda m: m.cpu):.2f}",
            f"{self.cpu_a_packet:.1f}",
            f"{self.median(lambda m: m.rss_mb):.0f}",
        ]


def first_line(*command):
    if not shutil.which(command[0]):
        return f"no {command[0]}"
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return next((line for line in result.stdout.splitlines() if line.strip()), "").strip()


def machine(postern):
    """What the figures depend on."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    versions = [
        first_line("nmap", "--version").split(" (")[0],
        first_line("masscan", "--version").split(" (")[0],
        first_line("zmap", "--version"),
        first_line(postern, "--version"),
    ]
    return (
        f"{os.cpu_count()} cores ({model}), {memory} GB, Linux {platform.release()}; "
        f"{', '.join(versions)}. Load average at the start: {os.getloadavg()[0]:.2f}."
    )


def write_document(path, description, tables):
    text = (
        "# Benchmarks of the scan engine\n\n"
        "Made by `scripts/bench.sh --write docs/scan-benchmarks.md`. Each tool scans in a lab of network\n"
        "namespaces on one machine, in turns; medians of all runs, but `found`, `wrong` and\n"
        "`unknown` are the worst of any. `packets` are all that the tool sent, `sending` is the time\n"
        "from its first packet to its last, fixed waits are masscan's `--wait 3` and zmap's `-c 2`.\n\n"
        f"{description}\n\n"
    )
    path.write_text(text + "\n".join(table.text() for table in tables))
