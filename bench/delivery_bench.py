#!/usr/bin/python3
"""Measures how long after a finding opened it is where people look, with the real posternd.

  alert  until Debian's Alertmanager shows its alert; p99 must be under 1 s
  hung   until a webhook has it, without and with two other receivers that take connections and
         never answer; p99 may be 100 ms longer at most, where a wait for
         them would be 10 s
"""

import argparse
import json
import os
import random
import socket
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "system")]
os.environ.setdefault("POSTERN_BIN", str(ROOT / "build/release/bin"))

# pylint: disable=wrong-import-position
from daemon import Daemon  # noqa: E402
from lab import Lab, enter_private_network, run  # noqa: E402
from servers import Alertmanager, Hook, LocalPorts  # noqa: E402

HEAD = """
version: 1
scope: {authorized_by: "the benchmark", include: [127.0.0.1]}
viewpoints:
  lab: {description: "this machine"}
"""
POLICY = """
hosts:
  - {name: here, addresses: [127.0.0.1], owner: nobody}
"""
PORTS = range(20000, 21000)
SCANS = f'\n  - {{name: top, stage: top, ports: "tcp/{PORTS[0]}-{PORTS[-1]}", every: 1s}}\n'
ALERT_P99_S = 1
HUNG_MORE_S = 0.1


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def open_ports(services, seed, length_s, rate, look):
    """Opens new ports at random times, `rate` a second, and calls `look` in between."""
    chance = random.Random(seed)
    ports = iter(chance.sample(PORTS, len(PORTS)))
    begin = time.monotonic()
    due = begin
    while (now := time.monotonic()) < begin + length_s:
        if now >= due:
            services.toggle(next(ports))
            due = now + chance.expovariate(rate)
        look()
        time.sleep(0.005)
    settle = time.monotonic() + 6  # the run under way, its confirmation, and the delivery
    while time.monotonic() < settle:
        look()
        time.sleep(0.005)


def measure_alert(folder, seed, length_s):
    lab, services, seen = Lab(folder), LocalPorts(), {}
    try:
        alertmanager = Alertmanager(lab)
        daemon = Daemon(lab, POLICY, head=HEAD, scans=SCANS, receivers=[alertmanager.url]).start()

        def look():
            now = None
            for alert in alertmanager.alerts():
                now = now or time.time()
                seen.setdefault(alert["annotations"]["finding"], now)

        open_ports(services, seed, length_s, 4, look)
        opened = {f["id"]: seconds(f["opened"]) for f in daemon.findings() if "opened" in f}
        missing = opened.keys() - seen.keys()
        assert not missing, f"{len(missing)} of {len(opened)} findings have no alert"
        daemon.stop()
        return sorted(seen[finding] - at for finding, at in opened.items())
    finally:
        services.close()
        lab.close()


def measure_webhook(folder, seed, length_s, hung):
    lab, services, hook, seen = Lab(folder), LocalPorts(), Hook(), {}
    silent = socket.socket()
    try:
        receivers = [f"{{name: soc, webhook: {{url: '{hook.url}'}}}}"]
        if hung:
            silent.bind(("127.0.0.1", 8199))
            silent.listen(1024)  # the kernel takes connections, and nobody answers
            receivers.append("http://127.0.0.1:8199")
            receivers.append("{name: stuck, webhook: {url: 'http://127.0.0.1:8199/'}}")
        daemon = Daemon(lab, POLICY, head=HEAD, scans=SCANS, receivers=receivers).start()
        taken = 0

        def look():
            nonlocal taken
            for _, body, _ in hook.requests[taken:]:
                event = json.loads(body)
                seen[event["id"]] = time.time() - seconds(event["timestamp"])
                taken += 1

        open_ports(services, seed, length_s, min(4, len(PORTS) * 0.8 / length_s), look)
        pending = daemon.metric("postern_outbox_pending", receiver="soc")
        assert pending == 0, f"{pending} still wait for the webhook"
        if hung:
            assert daemon.metric("postern_notification_failures_total", receiver="stuck") > 0
            assert daemon.metric("postern_outbox_pending", receiver="stuck") > 0
        daemon.stop()
        return sorted(seen.values())
    finally:
        silent.close()
        hook.close()
        services.close()
        lab.close()


def row(what, took):
    print(
        f"| {what} | {len(took)} | {1000 * percentile(took, 0.5):.0f} "
        f"| {1000 * percentile(took, 0.99):.0f} | {1000 * took[-1]:.0f} |",
        flush=True,
    )
    return percentile(took, 0.99)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=["alert", "hung"])
    parser.add_argument("--seconds", type=int, help="of openings; alert: 90, hung: 600, twice")
    parser.add_argument("--seed", type=int, default=1, help="of the times and the ports")
    arguments = parser.parse_args()
    enter_private_network()
    run("ip", "link", "set", "lo", "up")
    print("| | findings | median ms | p99 ms | slowest ms |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="delivery-") as folder:
        if arguments.what == "alert":
            took = measure_alert(folder, arguments.seed, arguments.seconds or 90)
            reached = row("opened to the alert in Alertmanager", took) < ALERT_P99_S
        else:
            p99 = []
            for hung in (False, True):
                place = Path(folder) / str(hung)
                place.mkdir()
                took = measure_webhook(place, arguments.seed, arguments.seconds or 600, hung)
                p99.append(row("two others hang" if hung else "no other receiver", took))
            reached = p99[1] <= p99[0] + HUNG_MORE_S
    print(f"\n{'reached' if reached else 'NOT REACHED'}; load average {os.getloadavg()[0]:.1f}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
