#!/usr/bin/python3
"""Measures the HTTP server of the real posternd, in a network of its own.

scrape: /metrics of 1,000 hosts with 10,000 open findings while a full sweep sends and another scan
is judged again and again; each scrape is a connection of its own.
slow: the same while 10,000 clients hold connections open and come back soon after they are dropped:
300 ask for /metrics and do not read it, half of the others send a header byte by byte, and half
nothing at all.
"""

import argparse
import collections
import http.client
import multiprocessing
import os
import resource
import select
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "system")]
os.environ.setdefault("POSTERN_BIN", str(ROOT / "build/release/bin"))

# pylint: disable=wrong-import-position
from daemon import Daemon  # noqa: E402
from lab import Lab, enter_private_network, run, wait_for  # noqa: E402

HOSTS = 1000
OPEN_PORTS = range(7001, 7011)
FINDINGS = HOSTS * len(OPEN_PORTS)
SLOW_CLIENTS = 10_000
# More than there are connections.
SLOW_READERS = 300
# Who was dropped comes back after this time; a reader later, since it costs as much as a scrape.
RECONNECT_S = 1
READER_RECONNECT_S = 10
# Between two bytes of a header.
DRIP_S = 2
MOST_SCRAPE_MS = 50
MOST_SCRAPE_BYTES = 300_000
MOST_SLOW_S = 1
MOST_SLOW_MB = 100

HEAD = """
version: 1
scope: {authorized_by: "the benchmark", include: [127.1.0.0/16]}
viewpoints:
  lab: {description: "the loopback of a namespace"}
"""
LIMITS = "{rate: 5000, host_rate: 5000, network_rate: 5000}"
# 65.5 million probes in ten hours: 1,820 a second, near the default limit.
SCANS = """
  - {name: top, stage: top, ports: "tcp/7001-7010", every: 15s}
  - {name: full, stage: full, ports: all, every: 10h}
"""


def policy():
    hosts = "".join(
        f"  - {{name: host-{n}, addresses: [127.1.{n // 250}.{n % 250 + 1}], owner: team-{n % 40}}}\n"
        for n in range(HOSTS)
    )
    return f"hosts:\n{hosts}"


def listen_everywhere():
    """On every address of 127/8."""
    listeners = [socket.create_server(("0.0.0.0", port), backlog=4096) for port in OPEN_PORTS]
    # Nobody accepts: the handshake is all that a probe needs. A full queue would drop it.
    for listener in listeners:
        listener.setblocking(False)
    return listeners


def drop_queued(listeners):
    for listener in listeners:
        while True:
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                break


def scrape(daemon):
    """(seconds, bytes) of one scrape over a connection of its own."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection(daemon.address, timeout=30)
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    body = response.read()
    took = time.perf_counter() - started
    connection.close()
    assert response.status == 200
    return took, len(body)


def memory_mb(daemon, key):
    for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise AssertionError(key)


def forget_peak(daemon):
    """VmHWM counts from now on: proc(5)."""
    Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")


class SlowClients:
    """Each begins a request that it does not end, or whose reply it does not read; who is dropped
    comes back."""

    def __init__(self, made):
        self.made = made
        self.epoll = select.epoll()
        self.open = {}  # socket and client number by descriptor
        # When each comes back, and its number; ascending.
        self.absent_readers = collections.deque((0, n) for n in range(SLOW_READERS))
        self.absent = collections.deque((0, n) for n in range(SLOW_READERS, SLOW_CLIENTS))

    def connect_due(self, absent):
        now = time.monotonic()
        for _ in range(min(len(absent), 500)):
            if absent[0][0] > now:
                return
            number = absent.popleft()[1]
            client = socket.socket()
            client.setblocking(False)
            if number < SLOW_READERS:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.bind((f"127.2.{number // 250}.{number % 250 + 1}", 0))
            client.connect_ex(("127.0.0.1", 9977))
            self.open[client.fileno()] = client, number
            self.epoll.register(client, select.EPOLLOUT)

    def on_event(self, descriptor, event):
        client, number = self.open[descriptor]
        try:
            if event != select.EPOLLOUT:
                raise ConnectionError
            self.made.value += 1
            if number < SLOW_READERS:
                client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                self.epoll.modify(descriptor, 0)  # only its end is told
                return
            if number % 2:
                client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            self.epoll.modify(descriptor, select.EPOLLIN)
        except OSError:
            del self.open[descriptor]
            client.close()
            self.come_back(number)

    def come_back(self, number):
        queue, pause = (
            (self.absent_readers, READER_RECONNECT_S)
            if number < SLOW_READERS
            else (self.absent, RECONNECT_S)
        )
        queue.append((time.monotonic() + pause, number))

    def drip(self):
        for client, number in list(self.open.values()):
            if number < SLOW_READERS or not number % 2:
                continue
            try:
                client.send(b"x")
            except OSError:
                pass  # dropped, or not connected yet: its event tells

    def run(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (SLOW_CLIENTS + 1000, SLOW_CLIENTS + 1000))
        dripped = time.monotonic()
        while True:
            self.connect_due(self.absent_readers)
            self.connect_due(self.absent)
            for descriptor, event in self.epoll.poll(0.01):
                self.on_event(descriptor, event)
            if time.monotonic() - dripped > DRIP_S:
                self.drip()
                dripped = time.monotonic()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def row(what, measured, most, reached):
    print(f"| {what} | {measured} | {most} | {'reached' if reached else 'NOT REACHED'} |", flush=True)
    return reached


def measure_scrapes(daemon, count, pause_s, listeners):
    times, sizes = [], []
    while len(times) < count:
        took, size = scrape(daemon)
        times.append(took)
        sizes.append(size)
        drop_queued(listeners)
        time.sleep(pause_s)
    return times, sizes


def bench_scrapes(daemon, count, listeners):
    runs = daemon.runs("top"), daemon.metric("postern_probes_sent_total")
    times, sizes = measure_scrapes(daemon, count, 0.05, listeners)
    probes = daemon.metric("postern_probes_sent_total") - runs[1]
    p99 = percentile(times, 0.99) * 1000
    print(f"{count} scrapes; meanwhile {daemon.runs('top') - runs[0]:.0f} runs of top were judged")
    print(f"and their {probes:.0f} probes counted.\n")
    print("| what | measured | at most | |\n|---|---|---|---|")
    row("a scrape, median", f"{statistics.median(times) * 1000:.1f} ms", "", True)
    good = row("a scrape, p99", f"{p99:.1f} ms", f"{MOST_SCRAPE_MS} ms", p99 < MOST_SCRAPE_MS)
    row("a scrape, slowest", f"{max(times) * 1000:.1f} ms", "", True)
    size = max(sizes)
    fits = size < MOST_SCRAPE_BYTES
    return row("its size", f"{size / 1000:.0f} KB", f"{MOST_SCRAPE_BYTES // 1000} KB", fits) and good


def bench_slow_clients(daemon, count, listeners):
    before = memory_mb(daemon, "VmRSS")
    forget_peak(daemon)
    made = multiprocessing.Value("q", 0)
    clients = multiprocessing.Process(target=SlowClients(made).run, daemon=True)
    clients.start()
    try:
        wait_for("the slow clients", lambda: made.value >= SLOW_CLIENTS, timeout=120)
        begun, started = made.value, time.monotonic()
        times, _ = measure_scrapes(daemon, count, 0.05, listeners)
        rate = (made.value - begun) / (time.monotonic() - started)
    finally:
        clients.terminate()
        clients.join()
    more = memory_mb(daemon, "VmHWM") - before
    quick, bounded = max(times) < MOST_SLOW_S, more < MOST_SLOW_MB
    row(
        f"a scrape beside {SLOW_CLIENTS} slow clients ({rate:.0f} new connections a second), p99",
        f"{percentile(times, 0.99) * 1000:.0f} ms",
        "",
        True,
    )
    row("the same, slowest", f"{max(times) * 1000:.0f} ms", f"{MOST_SLOW_S} s", quick)
    row("memory before", f"{before:.0f} MB", "", True)
    row("more at the peak", f"{more:.0f} MB", f"{MOST_SLOW_MB} MB", bounded)
    return quick and bounded


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrapes", type=int, default=1200)
    arguments = parser.parse_args()
    enter_private_network()
    run("ip", "link", "set", "lo", "up")
    listeners = listen_everywhere()
    with tempfile.TemporaryDirectory(prefix="http-bench-") as folder:
        lab = Lab(folder)
        try:
            daemon = Daemon(lab, policy(), head=HEAD, limits=LIMITS, scans=SCANS)
            daemon.start()

            def opened():
                drop_queued(listeners)
                return daemon.metric("postern_findings", state="open") >= FINDINGS

            wait_for(f"{FINDINGS} findings are open", opened, timeout=300)
            good = bench_scrapes(daemon, arguments.scrapes, listeners)
            good = bench_slow_clients(daemon, arguments.scrapes // 4, listeners) and good
            daemon.stop()
        finally:
            lab.close()
    print(f"\nload average {os.getloadavg()[0]:.1f}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
