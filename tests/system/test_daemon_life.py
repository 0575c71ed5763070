"""posternd as a service: start, notifications to systemd, reload, stop, its HTTP endpoints."""

import os
import signal
import socket

import pytest
from daemon import postern
from lab import run, wait_for
from servers import Alertmanager, http_get, start_nginx, start_redis

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""

RELOADED = "postern_config_last_reload_successful"


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    return web


class NotifySocket:
    """systemd's end of sd_notify(3)."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.lines = []

    def heard(self, start):
        """The first line heard so far that starts so."""
        while True:
            try:
                self.lines += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                break
        return next((line for line in self.lines if line.startswith(start)), None)

    def forget(self):
        self.heard("")
        self.lines.clear()


def test_systemd_is_told_of_every_step(lab, web, make_daemon):
    notify = NotifySocket(lab.folder)
    daemon = make_daemon(policy=POLICY)
    daemon.launch(env={"NOTIFY_SOCKET": str(notify.path), "WATCHDOG_USEC": "1000000"})
    wait_for("READY", lambda: notify.heard("READY=1"))
    assert daemon.ready()
    wait_for("a sign of life for the watchdog", lambda: notify.heard("WATCHDOG=1"))

    notify.forget()
    daemon.reload()
    wait_for("RELOADING", lambda: notify.heard("RELOADING=1"))
    wait_for("READY again", lambda: notify.heard("READY=1"))

    daemon.process.signal(signal.SIGTERM)
    wait_for("STOPPING", lambda: notify.heard("STOPPING=1"))
    assert daemon.process.wait() == 0


def test_a_broken_policy_keeps_the_old_one(web, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    assert daemon.metric(RELOADED) == 1
    old = daemon.samples("postern_policy_info")

    daemon.write_policy(POLICY.replace("expect:", "expct:"))
    daemon.reload()
    wait_for("the refusal", lambda: daemon.metric(RELOADED) == 0)
    assert daemon.log_has("unknown key 'expct'", "did you mean 'expect'?", "policy.yaml:")
    assert daemon.samples("postern_policy_info") == old
    daemon.wait_for_runs("expected", 1)
    assert daemon.metric("postern_findings", state="open") == 0

    daemon.write_policy(POLICY + '      - {ports: "tcp/22", state: open}\n')
    daemon.reload()
    wait_for("the good one", lambda: daemon.metric(RELOADED) == 1)
    assert daemon.samples("postern_policy_info") != old
    daemon.wait_for_finding(kind="missing", port=22, state="open")


def test_sigterm_ends_it_in_the_middle_of_a_scan(lab, web, make_daemon):
    """The slow scan would go on for minutes; what it did not finish is compared with nothing."""
    alertmanager = Alertmanager(lab)
    start_redis(web, addresses=[web.ipv4])
    slow = """
  - {name: expected, stage: expected, every: 1s}
  - {name: top, stage: top, ports: "tcp/22,443,6379", every: 1s}
  - {name: slow, stage: top, ports: "tcp/7000-60000", every: 1h}
"""
    web.filter("tcp dport 7000-60000 drop")
    daemon = make_daemon(policy=POLICY, scans=slow, receivers=[alertmanager.url]).start()
    wait_for("the alert", lambda: alertmanager.alerts(port="6379"))
    assert daemon.runs("slow") == 0

    assert daemon.process.stop(timeout=5) == 0
    assert len(alertmanager.alerts(port="6379")) == 1, "shutdown resolves nothing"
    probes = run("ss", "-tn", "state", "syn-sent", check=False).stdout.splitlines()[1:]
    assert probes == []


def test_a_taken_port_ends_the_start_before_it_is_ready(lab, web, make_daemon):
    notify = NotifySocket(lab.folder)
    daemon = make_daemon(policy=POLICY)
    with socket.create_server(("127.0.0.1", 9977)):
        daemon.launch(env={"NOTIFY_SOCKET": str(notify.path)})
        assert daemon.process.wait() != 0
    assert notify.heard("READY=1") is None
    assert daemon.log_has("127.0.0.1:9977")
    assert daemon.log_has("Address already in use") or daemon.log_has("in use")


def test_a_second_daemon_on_one_database_names_the_first(lab, web, make_daemon):
    first = make_daemon(policy=POLICY).start()
    second = lab.start(
        *(first.process.popen.args[0], "--config", other_port(first)), log=lab.folder / "second.log"
    )
    assert second.wait() != 0
    assert str(first.process.pid) in second.log_text()
    assert first.ready()


def other_port(daemon):
    path = daemon.lab.folder / "second.yaml"
    path.write_text(daemon.config_path.read_text().replace("127.0.0.1:9977", "127.0.0.1:9978"))
    return path


def test_what_http_serves(lab, web, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)
    base = f"http://{daemon.address}"
    assert http_get(f"{base}/-/healthy") is not None
    assert http_get(f"{base}/-/ready") is not None
    assert http_get(f"{base}/nothing") is None

    metrics = lab.folder / "metrics.txt"
    metrics.write_text(http_get(f"{base}/metrics"))
    check = run("sh", "-c", f"promtool check metrics < {metrics}", check=False)
    assert (check.returncode, check.stdout + check.stderr) == (0, "")

    assert daemon.metric("postern_viewpoint_info", viewpoint="lab") == 1
    assert daemon.metric("postern_scan_last_success_timestamp_seconds", scan="expected") > 0
    assert daemon.metric("postern_endpoints", state="open") == 2
    # Known series are there from the start.
    assert daemon.metric("postern_findings", kind="unexpected_open", state="open") == 0
    assert daemon.metric("postern_viewpoint_blind", family="ipv6") == 0


def test_a_bad_file_is_refused_with_its_place(make_daemon):
    daemon = make_daemon(policy=POLICY.replace('"tcp/443"', '"tcp/70000"'))
    check = run(daemon_program(), "--config", daemon.config_path, "--check-config", check=False)
    assert check.returncode == 1
    assert f"{daemon.policy_path}:" in check.stdout + check.stderr

    result = postern("check", daemon.policy_path)
    assert result.returncode == 1
    assert "70000" in result.stdout + result.stderr


def daemon_program():
    return os.path.join(os.path.dirname(str(postern("--help").args[0])), "posternd")
