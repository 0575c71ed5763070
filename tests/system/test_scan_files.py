"""Scans as files: a firewall change verified by before and after, and the way from a scan to a
policy and back."""

import sqlite3
import sys
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

from daemon import json_lines, postern
from lab import run
from servers import start_nginx, start_redis, start_sshd

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "bench"))

import nmap_files  # noqa: E402  pylint: disable=wrong-import-position

FAST = ("--rate", "20000", "--host-rate", "20000", "--network-rate", "20000")
PORTS = "tcp/20-30,80,443,6379"

POLICY = """
version: 1
scope: {authorized_by: "the system tests", include: [192.0.2.0/24, "2001:db8:10::/64"]}
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    expect: [{ports: "tcp/443", state: open}, {ports: "tcp/22", state: open}]
"""


def scan(path, *addresses, file_format="jsonl"):
    result = postern(
        *("scan", "--ports", PORTS, *FAST, "--format", file_format, "--output", path), *addresses
    )
    assert result.returncode == 0, result.stderr
    return path


def ndiff_endpoints(old, new):
    """(address, port) of each port that ndiff says differs."""
    result = run("ndiff", "--xml", old, new, check=False)
    differences = set()
    for host in ET.fromstring(result.stdout).iter("hostdiff"):
        address = host.find(".//address").get("addr")
        for port in host.iterfind(".//portdiff"):
            differences.add((address, int(port.find(".//port").get("portid"))))
    return differences


def diff_endpoints(old, new):
    result = postern("diff", "--format", "jsonl", old, new)
    assert result.returncode in (0, 1), result.stderr
    return {(line["address"], line["port"]) for line in json_lines(result.stdout)}


def test_a_firewall_change_is_verified_by_before_and_after(lab, tmp_path):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[80, 443])
    start_sshd(web)
    redis = start_redis(web, addresses=[web.ipv6])
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    before = scan(tmp_path / "before.jsonl", *web.addresses)

    gate = postern("drift", "--policy", policy, "--viewpoint", "lab", "--from", before)
    assert gate.returncode == 1
    assert "tcp/6379 is open on web-1 (2001:db8:10::10)" in gate.stdout

    # The change: redis is gone, and plain HTTP is no longer reachable.
    redis.stop()
    web.filter("tcp dport 80 drop")
    after = scan(tmp_path / "after.xml", *web.addresses, file_format="nmap-xml")

    result = postern("diff", before, after)
    assert result.returncode == 1, result.stderr
    assert result.stdout == (
        "192.0.2.10\n"
        "  open -> filtered      tcp/80\n"
        "\n"
        "2001:db8:10::10\n"
        "  open -> closed        tcp/6379\n"
        "  open -> filtered      tcp/80\n"
    )
    assert result.stderr == "3 differences on 2 hosts; 28 endpoints of 2 hosts compared\n"
    lines = json_lines(postern("diff", "--format", "jsonl", before, after).stdout)
    assert lines[-1] == {
        "address": "2001:db8:10::10",
        "protocol": "tcp",
        "port": 6379,
        "before": {"state": "open"},
        "after": {"state": "closed"},
    }

    gate = postern("drift", "--policy", policy, "--viewpoint", "lab", "--from", after)
    assert (gate.returncode, gate.stdout) == (0, ""), gate.stderr
    assert postern("diff", after, after).returncode == 0


def test_a_gate_cannot_tell_what_the_file_did_not_ask(lab, tmp_path):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    start_sshd(web)
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    only_ipv4 = scan(tmp_path / "ipv4.jsonl", web.ipv4)
    gate = postern("drift", "--policy", policy, "--viewpoint", "lab", "--from", only_ipv4)
    assert (gate.returncode, gate.stdout) == (2, "")
    assert "2001:db8:10::10" in gate.stderr
    assert "4 endpoints on 2 addresses, 2 of them unknown" in gate.stderr


def test_nmaps_own_files_differ_where_ndiff_says_so(lab, tmp_path):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[80, 443])
    start_sshd(web)
    asked = ["nmap", "-n", "-Pn", "-sT", "-p1-1000,6379"]
    run(*asked, "-oX", tmp_path / "before.xml", web.ipv4)
    start_redis(web, addresses=[web.ipv4])
    web.filter("tcp dport {80, 443, 700-750} drop")
    run(*asked, "-oX", tmp_path / "after.xml", web.ipv4)
    found = diff_endpoints(tmp_path / "before.xml", tmp_path / "after.xml")
    # nmap sums the closed ports up, and ndiff does not look into sums.
    assert {(web.ipv4, port) for port in range(700, 751)} <= found
    listed = {(web.ipv4, port) for port in (80, 443, 6379)}
    assert found - {(web.ipv4, port) for port in range(700, 751)} == listed
    assert listed <= ndiff_endpoints(tmp_path / "before.xml", tmp_path / "after.xml")


def test_listed_ports_differ_exactly_where_ndiff_says_so(tmp_path):
    (old, new), made = nmap_files.write_pair(tmp_path, hosts=20, ports=200, changes=150)
    assert diff_endpoints(old, new) == made
    assert ndiff_endpoints(old, new) == made


def test_init_writes_a_policy_that_the_same_scan_agrees_with(lab, tmp_path):
    web, db = lab.target("web-1", 10), lab.target("db-1", 20)
    for target in (web, db):
        start_sshd(target)
    start_redis(web, addresses=[web.ipv6])
    db.filter("tcp dport != 22 drop")
    nmap = tmp_path / "nmap.xml"
    run("nmap", "-n", "-Pn", "-sT", "-p20-30,6379", "-oX", nmap, web.ipv4, db.ipv4)
    sources = [
        scan(tmp_path / "scan.jsonl", *web.addresses, *db.addresses),
        scan(tmp_path / "scan.xml", *web.addresses, *db.addresses, file_format="nmap-xml"),
        nmap,
    ]
    for source in sources:
        policy = tmp_path / "policy.yaml"
        made = postern("init", "--from", source, "--output", policy)
        assert made.returncode == 0, made.stderr
        assert postern("check", policy).returncode == 0
        judged = postern("drift", "--policy", policy, "--from", source)
        assert (judged.returncode, judged.stdout) == (0, ""), judged.stderr

    live = postern("init", "--ports", PORTS, web.ipv4)
    assert live.returncode == 0, live.stderr
    assert '{ports: "tcp/22", state: open}' in live.stdout
    assert "postern init: asking 14 endpoints\n" in live.stderr
    assert "1 host, 0 roles; 0 addresses left out" in live.stderr

    swept = postern("init", "--discover", "--ports", PORTS, "192.0.2.8/29", "192.0.2.20")
    assert swept.returncode == 0, swept.stderr
    assert "2 of 9 addresses are up" in swept.stderr
    assert "asking 28 endpoints" in swept.stderr
    assert "2 hosts" in swept.stderr
    both = postern("init", "--discover", "--from", nmap)
    assert (both.returncode, "--from has a scan already" in both.stderr) == (2, True)


def test_an_import_is_compared_and_exported_but_is_no_observation(make_daemon, lab, tmp_path):
    web = lab.target("web-1", 10)
    start_sshd(web)
    daemon = make_daemon(
        policy="hosts: [{name: web-1, addresses: [192.0.2.10],"
        " expect: [{ports: tcp/22, state: open}]}]",
        scans="\n  - {name: top, stage: top, ports: 'tcp/20-30', every: 1s}",
    )
    daemon.start()
    daemon.wait_for_runs("top", 2)
    old = tmp_path / "old.jsonl"
    old.write_text(
        '{"type":"host","address":"192.0.2.10","asked":"tcp/20-30","states":{"closed":11}}\n'
        '{"type":"summary","hosts":1,"complete":true}\n'
    )
    config = ("--config", daemon.config_path)
    refused = postern("import", old, *config)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"postern import: {lab.folder}/postern.db: process {daemon.process.pid} has the database "
        "open for writing, and only one may; stop it first (posternd: `systemctl stop posternd`); "
        "or import into another database: --config FILE with a `storage` of its own\n"
    )
    daemon.stop()
    with closing(sqlite3.connect(lab.folder / "postern.db")) as database:
        (before,) = database.execute(
            "SELECT max(id) FROM runs WHERE state = 'committed'"
        ).fetchone()
    imported = postern("import", old, *config)
    assert imported.returncode == 0, imported.stderr
    number = imported.stdout.strip()

    result = postern("diff", number, before, *config)
    assert result.stdout == "192.0.2.10 (web-1)\n  closed -> open        tcp/22\n", result.stderr
    rows = postern("export", number, "--format", "csv", *config).stdout.splitlines()
    assert rows[1:] == [
        f"{number},1970-01-01T00:00:00.000Z,,import:old.jsonl,192.0.2.10,web-1,tcp,20,30,closed,rst"
    ]
    exported = tmp_path / "exported.xml"
    to_file = ("--format", "nmap-xml", "--output", exported)
    assert postern("export", number, *to_file, *config).returncode == 0
    assert postern("diff", old, exported).returncode == 0

    # What the daemon saw is of its viewpoint, and refused for another.
    seen = tmp_path / "seen.jsonl"
    assert postern("export", before, "--output", seen, *config).returncode == 0
    summary = json_lines(seen.read_text())[-1]
    assert (summary["viewpoint"], summary["seed"].isdigit()) == ("lab", True)
    judged = postern("drift", "--from", seen, *config)
    assert judged.returncode == 0, judged.stderr
    assert "0 drifts; the policy prescribes 1 endpoint on 1 address" in judged.stderr
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text(seen.read_text().replace('"viewpoint":"lab"', '"viewpoint":"vpn"'))
    for command in (("drift", "--from", foreign), ("import", foreign)):
        refused = postern(*command, *config)
        assert refused.returncode == 2
        assert "seen from" in refused.stderr and "'vpn'" in refused.stderr

    # To the daemon it never happened: the next runs find nothing to report.
    daemon.start()
    daemon.wait_for_runs("top", 2)
    assert daemon.findings() == []


def test_a_file_that_was_cut_off_is_no_scan(tmp_path):
    (old, new), _ = nmap_files.write_pair(tmp_path, hosts=2, ports=10, changes=2)
    text = new.read_text()
    new.write_text(text[: len(text) // 2])
    result = postern("diff", old, new)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"{new}: line " in result.stderr and "cut off" in result.stderr
    for command in (["init", "--from", new], ["export", new], ["import", new]):
        assert postern(*command).returncode == 2


def test_entities_are_refused(tmp_path):
    bomb = tmp_path / "bomb.xml"
    bomb.write_text('<!DOCTYPE n [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><nmaprun>&b;</nmaprun>')
    result = postern("diff", bomb, bomb)
    assert result.returncode == 2
    assert "line 1, column 13" in result.stderr
