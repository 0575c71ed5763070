"""Few descriptors and few threads: the daemon goes on, says so, and keeps what it can do."""

import socket
from contextlib import ExitStack

import pytest
from lab import wait_for
from servers import http_get, start_nginx

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""

# A user without the right to exceed limits, who may read the test's files and probe.
CAPABILITIES = "+dac_override,+net_raw"
AS_USER = (
    "setpriv --reuid=54321 --regid=54321 --clear-groups"
    f" --inh-caps={CAPABILITIES} --ambient-caps={CAPABILITIES}"
)


@pytest.fixture
def daemon(lab, make_daemon):
    start_nginx(lab.target("web-1", 10), ports=[443])
    return make_daemon(policy=POLICY)


@pytest.mark.parametrize("limit, clients", [(64, 60), (1024, 250)])
def test_clients_that_take_every_connection_stop_neither_scans_nor_scrapes(daemon, limit, clients):
    daemon.start(shell=f'ulimit -n {limit}; exec "$@"')
    assert daemon.log_has("too few file descriptors") == (limit == 64)
    host, port = daemon.address.split(":")
    with ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(socket.create_connection((host, int(port))))
        daemon.wait_for_runs("expected", 2)
        daemon.wait_for_runs("top", 1)
        assert http_get(f"http://{daemon.address}/api/v1/findings") is not None
    assert not daemon.log_has("scan failed")
    assert daemon.stop() == 0


def test_a_reload_that_needs_more_threads_than_there_may_be_is_refused(daemon, lab):
    before = daemon.config_path.read_text()
    # So few that the scans and receivers that it begins with fit.
    daemon.start(shell=f'exec {AS_USER} prlimit --nproc=48 "$@"')
    receivers = "".join(
        f"  - {{name: r{n}, webhook: {{url: 'http://127.0.0.1:9/'}}}}\n" for n in range(70)
    )
    daemon.config_path.write_text(before + f"receivers:\n{receivers}")
    daemon.reload()
    wait_for("it is refused", lambda: daemon.log_has("more threads, and the system allows"))
    wait_for("and tells so", lambda: daemon.metric("postern_config_last_reload_successful") == 0)
    daemon.wait_for_runs("expected", 1)
    daemon.config_path.write_text(before)
    daemon.reload()
    wait_for("reloads", lambda: daemon.metric("postern_config_last_reload_successful") == 1)
    assert daemon.stop() == 0


def test_a_start_that_needs_more_threads_than_there_may_be_says_so(daemon):
    process = daemon.launch(shell=f'exec {AS_USER} prlimit --nproc=12 "$@"')
    assert process.wait() == 2
    assert daemon.log_has("more threads, and the system allows", "TasksMax=")
