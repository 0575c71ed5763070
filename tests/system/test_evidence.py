"""What a finding was opened on: its packets, its circumstances, and a command that repeats it; and
the history of the host that it belongs to."""

import json

import pytest
from daemon import BIN, json_lines, postern
from lab import run, wait_for
from servers import start_nginx, start_redis

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    web.nginx = start_nginx(web, ports=[443])
    return web


def evidence_of(daemon, finding):
    shown = postern(
        "findings", "show", finding["id"], "--config", daemon.config_path, "--format", "jsonl"
    )
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)["evidence"]


def packets_of(daemon, finding, path, tool=("tcpdump", "-nr")):
    written = postern(
        "findings", "show", finding["id"], "--config", daemon.config_path, "--pcap", path
    )
    assert written.returncode == 0, written.stderr
    return run(*tool, path).stdout


def nmap_state(command, port):
    """What nmap says of the port when it is run as the evidence says."""
    for line in run(*command.split()).stdout.splitlines():
        if line.startswith(f"{port}/"):
            return line.split()[1]
    raise AssertionError(f"{command} says nothing of {port}")


def test_the_packets_of_an_open_port(lab, web, make_daemon):
    start_redis(web)
    daemon = make_daemon(policy=POLICY).start()
    for family, target in (("ipv4", web.ipv4), ("ipv6", web.ipv6)):
        finding = daemon.wait_for_finding(state="open", port=6379, family=family)
        (evidence,) = evidence_of(daemon, finding)
        assert evidence["answers"] == [{"ports": "tcp/6379", "state": "open", "reason": "syn-ack"}]
        assert evidence["interface"] and evidence["viewpoint"] == "lab"
        assert evidence["started"] < evidence["finished"]

        pcap = lab.folder / f"{family}.pcap"
        dump = packets_of(daemon, finding, pcap)
        dot = f"{target}.6379"
        assert f"{evidence['source']}." in dump
        assert any(f"> {dot}: Flags [S]" in line for line in dump.splitlines()), dump
        assert any(f"{dot} >" in line and "[S.]" in line for line in dump.splitlines()), dump
        shown = run("tshark", "-n", "-r", pcap, "-Y", "tcp.flags.syn==1 && tcp.flags.ack==1")
        assert target in shown.stdout
        assert nmap_state(evidence["nmap"], 6379) == "open"


def test_the_packets_of_a_silent_port(lab, web, make_daemon):
    """Probes without an answer are the evidence of silence."""
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)
    web.filter("tcp dport 443 drop")
    finding = daemon.wait_for_finding(state="open", kind="missing", family="ipv4", timeout=60)
    (evidence,) = evidence_of(daemon, finding)
    assert evidence["answers"][0]["state"] == "filtered"
    dump = packets_of(daemon, finding, lab.folder / "silent.pcap").splitlines()
    assert dump and all(f"> {web.ipv4}.443: Flags [S]" in line for line in dump), dump
    assert nmap_state(evidence["nmap"], 443) == "filtered"


def test_without_the_privilege_all_else_is_there(web, make_daemon):
    start_redis(web, addresses=[web.ipv4])
    daemon = make_daemon(policy=POLICY)
    wrapper = daemon.lab.folder / "posternd"
    wrapper.write_text(
        "#!/bin/sh\nexec setpriv --bounding-set=-net_raw --inh-caps=-net_raw "
        f'{BIN}/posternd "$@"\n'
    )
    wrapper.chmod(0o755)
    daemon.process = daemon.lab.start(
        wrapper, "--config", daemon.config_path, log=daemon.lab.folder / "posternd.log"
    )
    wait_for("posternd is ready", daemon.ready)
    finding = daemon.wait_for_finding(state="open", port=6379)
    (evidence,) = evidence_of(daemon, finding)
    assert evidence["packets"] == "not captured (no CAP_NET_RAW)"
    assert evidence["source"] == "192.0.2.1"
    assert nmap_state(evidence["nmap"], 6379) == "open"
    none = postern("findings", "show", finding["id"], "--config", daemon.config_path, "--pcap", "-")
    assert (none.returncode, none.stdout) == (2, "")
    assert "not captured (no CAP_NET_RAW)" in none.stderr


def test_the_history_of_a_host(web, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("top", 1)
    redis = start_redis(web, addresses=[web.ipv4])
    opened = daemon.wait_for_finding(state="open", port=6379)
    redis.stop()
    daemon.wait_for_finding(state="resolved", port=6379)
    daemon.wait_for_runs("top", 1)

    shown = postern(
        "history", "web-1", "tcp/6379", "--config", daemon.config_path, "--format", "jsonl"
    )
    assert shown.returncode == 0, shown.stderr
    rows = [row for row in json_lines(shown.stdout) if row["address"] == web.ipv4]
    (endpoint,) = [row for row in rows if row["type"] == "endpoint"]
    assert endpoint["state"] == "closed"
    assert endpoint["first_seen"] < endpoint["last_changed"] <= endpoint["last_seen"]
    changes = [(r.get("before"), r["after"]) for r in rows if r["type"] == "change"]
    assert changes == [(None, "closed"), ("closed", "open"), ("open", "closed")]
    findings = [(r["id"], r["event"]) for r in rows if r["type"] == "finding"]
    assert findings == [(opened["id"], "opened"), (opened["id"], "resolved")]

    text = postern("history", web.ipv4, "--config", daemon.config_path).stdout
    assert "tcp/6379         closed" in text and "closed -> open (syn-ack)" in text
    near = postern("history", "192.0.2.11", "--config", daemon.config_path)
    assert near.returncode == 1
    assert near.stderr == (
        "postern: nothing was ever seen of 192.0.2.11; the nearest addresses that were seen are "
        "192.0.2.10\n"
    )
    misspelt = postern("history", "web1", "--config", daemon.config_path)
    assert (misspelt.returncode, "did you mean 'web-1'?" in misspelt.stderr) == (1, True)
