"""posternd killed at random moments: nothing torn, nothing acknowledged lost, no false finding; and
posternd on a disk that is full or turns read-only. scripts/crash.sh runs the first one 300 times."""

import os
import random
import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from daemon import BIN
from lab import run, wait_for
from servers import Alertmanager, http_get, start_nginx, start_redis

ROUNDS = int(os.environ.get("POSTERN_CRASH_ROUNDS", "6"))

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""


def rows(path, sql):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute(sql).fetchall()


def check_whole(path):
    """No page, reference or run is torn, and evidence belongs to what it opened."""
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    whole = (
        "SELECT count(*) FROM runs WHERE state = 'committed' AND NOT EXISTS "
        "(SELECT 1 FROM plan_parts WHERE plan_parts.plan = runs.plan)"
    )
    assert rows(path, whole) == [(0,)]
    without = (
        "SELECT count(*) FROM findings WHERE opened IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM evidence AS e WHERE e.finding = findings.id)"
    )
    assert rows(path, without) == [(0,)]


def acknowledged(path):
    """What the program said is done: committed runs and delivered rows of the outbox."""
    return (
        set(rows(path, "SELECT id, plan, finished FROM runs WHERE state = 'committed'")),
        set(rows(path, "SELECT id, delivered FROM outbox WHERE delivered IS NOT NULL")),
    )


def test_a_daemon_killed_at_random_moments(lab, make_daemon):
    chance = random.Random(4)
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    alertmanager = Alertmanager(lab)
    daemon = make_daemon(policy=POLICY, receivers=[alertmanager.url]).start()
    path = daemon.config_path.parent / "postern.db"
    start_redis(web, addresses=[web.ipv4])
    (finding,) = [daemon.wait_for_finding(state="open", port=6379)]
    for _ in range(ROUNDS):
        # Not a synchronisation: the moment of the kill is to be any.
        time.sleep(chance.uniform(0, 1.5))
        runs, delivered = acknowledged(path)
        daemon.kill()
        check_whole(path)
        runs_after, delivered_after = acknowledged(path)
        assert runs <= runs_after and delivered <= delivered_after
        daemon.start()
        assert rows(path, "SELECT count(*) FROM runs WHERE state = 'running' AND id <= "
                    f"{max(run for run, _, _ in runs_after)}") == [(0,)]
        (now,) = daemon.findings()
        assert [now[k] for k in ("id", "state", "opened")] == [
            finding[k] for k in ("id", "state", "opened")
        ]
    wait_for("the alert", lambda: len(alertmanager.alerts(port="6379")) == 1)
    assert len(alertmanager.alerts()) == 1


def ready(daemon):
    return http_get(f"http://{daemon.address}/-/ready") is not None


def test_a_full_disk_stops_nothing_but_the_storing(lab, make_daemon):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    start_redis(web, addresses=[web.ipv4])
    disk = lab.folder / "disk"
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk)
    try:
        alertmanager = Alertmanager(lab)
        daemon = make_daemon(policy=POLICY, receivers=[alertmanager.url])
        config = daemon.config_path.read_text()
        daemon.config_path.write_text(config.replace("sqlite:postern.db", "sqlite:disk/postern.db"))
        daemon.start()
        finding = daemon.wait_for_finding(state="open", port=6379)
        wait_for("the alert", alertmanager.alerts)

        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(4096))
        wait_for("not ready", lambda: not ready(daemon), timeout=60)
        assert daemon.metric("postern_storage_errors_total") > 0
        assert daemon.metric("postern_findings", state="open") == 1
        assert len(alertmanager.alerts()) == 1

        filler.unlink()
        wait_for("ready again", lambda: ready(daemon), timeout=60)
        daemon.wait_for_runs("expected", 1)
        assert [f["id"] for f in daemon.findings()] == [finding["id"]]
    finally:
        for process in lab.processes:
            if process.running():
                process.kill()
        run("umount", disk)


def test_a_disk_that_turns_read_only_stops_nothing_but_the_storing(lab, make_daemon):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    start_redis(web, addresses=[web.ipv4])
    alertmanager = Alertmanager(lab)
    daemon = make_daemon(policy=POLICY, receivers=[alertmanager.url])
    flag = lab.folder / "read-only"
    daemon.launch(
        env={"LD_PRELOAD": str(BIN / "read_only_disk.so"), "POSTERN_READ_ONLY_WHILE": str(flag)}
    )
    wait_for("posternd is ready", daemon.ready)
    finding = daemon.wait_for_finding(state="open", port=6379)
    wait_for("the alert", alertmanager.alerts)
    runs, delivered = acknowledged(lab.folder / "postern.db")

    flag.touch()
    wait_for("not ready", lambda: not ready(daemon), timeout=60)
    assert daemon.metric("postern_storage_errors_total") > 0
    assert daemon.metric("postern_findings", state="open") == 1
    wait_for(
        "said",
        lambda: daemon.log_has("postern.db: it cannot be written here", "not mounted read-only"),
    )
    assert len(alertmanager.alerts()) == 1

    flag.unlink()
    wait_for("ready again", lambda: ready(daemon), timeout=60)
    daemon.wait_for_runs("expected", 1)
    assert [f["id"] for f in daemon.findings(state="open")] == [finding["id"]]
    runs_after, delivered_after = acknowledged(lab.folder / "postern.db")
    assert runs <= runs_after and delivered <= delivered_after
    check_whole(lab.folder / "postern.db")


def test_a_program_that_keeps_the_database_locked_is_named_and_survived(lab, make_daemon):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)
    with closing(sqlite3.connect(lab.folder / "postern.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        wait_for("not ready", lambda: not ready(daemon), timeout=30)
        assert daemon.metric("postern_storage_errors_total") > 0
        wait_for("said", lambda: daemon.log_has("another program has kept it locked for 5 s"))
        other.execute("COMMIT")
    wait_for("ready again", lambda: ready(daemon), timeout=30)
    assert daemon.findings() == []


def test_the_documented_backup_of_a_running_daemon_restores(lab, make_daemon):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    start_redis(web, addresses=[web.ipv4])
    daemon = make_daemon(policy=POLICY).start()
    finding = daemon.wait_for_finding(state="open", port=6379)
    path, backup = lab.folder / "postern.db", lab.folder / "backup.db"
    run("sqlite3", path, f"VACUUM INTO '{backup}'")
    assert daemon.stop() == 0
    with path.open("r+b") as file:
        file.write(b"not a database")
    damaged = path.read_bytes()
    assert daemon.launch().wait() != 0
    assert daemon.log_has(
        f"remove {path}-wal and {path}-shm, and copy a backup over it", "the file is damaged"
    )
    assert path.read_bytes() == damaged, "it is left as it is"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(backup, path)
    daemon.start()
    (now,) = daemon.findings()
    assert (now["id"], now["opened"]) == (finding["id"], finding["opened"])
