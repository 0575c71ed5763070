"""Readers that go away: of the daemon's log, of a command's output, and descriptors that are closed
from the start. The daemon goes on, nothing is written into its files, and a command says so."""

import fcntl
import os
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest
from daemon import BIN, postern
from lab import wait_for
from servers import start_nginx

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""
F_SETPIPE_SZ = 1031  # fcntl(2)


@pytest.fixture
def daemon(lab, make_daemon):
    start_nginx(lab.target("web-1", 10), ports=[443])
    daemon = make_daemon(policy=POLICY)
    with daemon.config_path.open("a") as file:
        file.write("log: {level: debug}\n")
    return daemon


def goes_on(daemon):
    """Reloads, which are logged, and runs, which are stored."""
    reloads = daemon.metric("postern_config_last_reload_success_timestamp_seconds")
    daemon.reload()
    wait_for(
        "it reloads",
        lambda: daemon.metric("postern_config_last_reload_success_timestamp_seconds") > reloads,
    )
    daemon.wait_for_runs("expected", 1)
    with closing(sqlite3.connect(daemon.config_path.parent / "postern.db")) as database:
        assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]


def test_a_reader_of_the_log_that_stops_and_goes_away(daemon, lab):
    pipe = lab.folder / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, F_SETPIPE_SZ, 4096)
    daemon.start(shell=f'exec "$@" 2>{pipe}')
    # Nobody reads: the pipe is full after some lines, and the daemon goes on.
    goes_on(daemon)
    # Read again, it tells what is missing.
    read = b""

    def told():
        nonlocal read
        try:
            read += os.read(reader, 65536)
        except BlockingIOError:
            goes_on(daemon)
        return b"lines of the log could not be written" in read

    wait_for("the lost lines are told", told)
    os.close(reader)
    goes_on(daemon)
    assert daemon.stop() == 0


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_a_log_that_cannot_be_written(daemon, stderr):
    daemon.start(shell=f'exec "$@" {stderr}')
    goes_on(daemon)
    assert daemon.stop() == 0


def run_shell(line):
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)


def test_a_command_whose_output_is_not_taken():
    command = f"{BIN}/postern --help"
    reader, writer = os.pipe()
    os.close(reader)
    # Though the caller ignores the signal.
    gone = subprocess.run(
        ["sh", "-c", f"trap '' PIPE; exec {command}"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (gone.returncode, gone.stderr) == (-signal.SIGPIPE, b"")
    full = run_shell(f"{command} >/dev/full")
    assert full.returncode == 2
    assert full.stderr == "postern: cannot write to standard output: No space left on device\n"
    closed = run_shell(f"{command} >&-")
    assert closed.returncode == 2
    assert closed.stderr == "postern: cannot write to standard output: Bad file descriptor\n"
    assert run_shell(f"{command} >/dev/null 2>&- <&-").returncode == 0


def test_a_closed_output_is_not_the_file_that_is_read(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\n")
    closed = run_shell(f"{BIN}/postern check {policy} >&- 2>&-")
    assert closed.returncode in (1, 2)
    assert policy.read_text() == "version: 1\n"
    assert postern("check", policy).returncode == 1
