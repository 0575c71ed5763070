"""What the policy's names lead to, in the running daemon. The names stand in a hosts file of the
test's own, which goes before DNS, with one address of each family (c-ares takes the first), or are
answered by a DNS server of the test's own."""

import socket
import urllib.error
import urllib.request

import pytest
from daemon import json_lines, postern
from lab import run, wait_for
from name_server import NameServer
from servers import Alertmanager, start_nginx

NAME = "web.lab.test"
OUTSIDE = "2001:db8:bad::9"
WEB, NEXT = "192.0.2.10", "192.0.2.31"

POLICY = f"""
networks:
  - {{cidr: 192.0.2.8/29, owner: network}}
hosts:
  - {{name: web-1, dns: [{NAME}], owner: web, otherwise: any}}
  - {{name: beacon, addresses: [192.0.2.30], owner: sre, otherwise: any}}
"""

SCANS = """
  - {name: expected, stage: expected, every: 1s}
  - {name: sweep, stage: discover, every: 1s}
"""


class Names:
    def __init__(self, folder):
        self.hosts = folder / "hosts"

    def lead_to(self, *addresses):
        self.hosts.write_text("".join(f"{address} {NAME}\n" for address in addresses))


@pytest.fixture
def names(lab):
    names = Names(lab.folder)
    names.lead_to()
    resolver = lab.folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n")
    places = {"/etc/hosts": names.hosts, "/etc/resolv.conf": resolver}
    for place, file in places.items():
        run("mount", "--bind", file, place)
    yield names
    for place in places:
        run("umount", "--lazy", place)  # a daemon that still runs may be reading it


@pytest.fixture
def dns(names):
    """Answers what is not in the hosts file."""
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def beacon(lab):
    """What vouches for the path."""
    beacon = lab.target("beacon", 30)
    start_nginx(beacon, ports=[80])
    return beacon


@pytest.mark.usefixtures("beacon")
def test_a_name_that_leads_out_of_the_scope_is_one_finding(lab, names, make_daemon):
    start_nginx(lab.target("web", 10), ports=[80])
    alertmanager = Alertmanager(lab)
    names.lead_to(WEB, OUTSIDE)
    daemon = make_daemon(policy=POLICY, scans=SCANS, receivers=[alertmanager.url]).start()
    finding = daemon.wait_for_finding(kind="dns_out_of_scope", state="open", timeout=60)
    shown = {key: finding[key] for key in ("name", "addresses", "address", "owner", "severity")}
    assert shown == {
        "name": NAME,
        "addresses": [OUTSIDE],
        "address": "",
        "owner": "web",
        "severity": "warning",
    }
    text = postern("findings", "show", finding["id"], "--config", daemon.config_path).stdout
    assert f"{NAME} of web-1 leads to {OUTSIDE}, outside the scope of this viewpoint" in text
    assert "packets    none: it rests on the answer of the name" in text
    (alert,) = wait_for("the alert", lambda: alertmanager.alerts(kind="dns_out_of_scope"))
    assert alert["labels"]["name"] == NAME
    assert not {"address", "family", "protocol", "port"} & alert["labels"].keys()

    compared = postern("drift", "--config", daemon.config_path, "--format", "jsonl")
    (drift,) = json_lines(compared.stdout)
    assert (drift["kind"], drift["name"], drift["addresses"]) == (
        "dns_out_of_scope",
        NAME,
        [OUTSIDE],
    )
    assert compared.returncode == 1

    names.lead_to()
    daemon.wait_for_runs("expected", 3, timeout=60)
    assert daemon.findings(kind="dns_out_of_scope")[0]["state"] == "open", "no answer is no fix"
    names.lead_to(WEB)
    daemon.wait_for_finding(kind="dns_out_of_scope", resolution="fixed", timeout=60)
    assert daemon.findings(kind="unlisted_host") == []


@pytest.mark.usefixtures("beacon")
def test_a_restart_forgets_no_name_and_one_that_moves_is_an_event(lab, names, make_daemon):
    start_nginx(lab.target("web", 10), ports=[80])
    names.lead_to(WEB)
    daemon = make_daemon(policy=POLICY, scans=SCANS).start()
    daemon.wait_for_runs("expected", 2, timeout=60)
    assert daemon.stop() == 0

    names.lead_to()
    daemon.start()
    daemon.wait_for_runs("sweep", 3, timeout=90)
    assert daemon.findings(kind="unlisted_host") == [], "it was listed, and may be still"

    names.lead_to(NEXT)
    event = daemon.wait_for_finding(kind="dns_changed", state="open", timeout=60)
    assert (event["addresses"], event["severity"]) == ([NEXT], "info")


def status_of(url):
    """None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_a_daemon_that_still_resolves_names_answers_that_it_is_not_ready(names, make_daemon):
    daemon = make_daemon(policy=POLICY, scans=SCANS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 53))  # takes questions and answers none
        daemon.launch()
        ready = f"http://{daemon.address}/-/ready"
        wait_for("an answer", lambda: status_of(ready))
        assert status_of(ready) == 503
        assert status_of(f"http://{daemon.address}/metrics") == 200
    wait_for("posternd is ready", daemon.ready, timeout=30)


OUTAGE = f"""
hosts:
  - {{name: web-1, dns: [WEB.lab.test.], owner: web, expect: [{{ports: tcp/80, state: open}}]}}
  - {{name: beacon, addresses: [192.0.2.30], owner: sre, otherwise: any}}
"""


@pytest.mark.usefixtures("beacon")
def test_an_outage_of_dns_is_told_and_is_no_verdict(lab, dns, make_daemon):
    web = lab.target("web", 10)
    start_nginx(web, ports=[80, 6379])
    dns.zone[NAME] = web.addresses
    daemon = make_daemon(policy=OUTAGE).start()
    forbidden = {"kind": "unexpected_open", "host": "web-1"}
    wait_for("both families' findings", lambda: len(daemon.findings(state="open", **forbidden)) == 1)
    wait_for("a complete run", lambda: daemon.metric("postern_scan_last_success_timestamp_seconds"))

    dns.failing[NAME, 6] = "SERVFAIL"
    half = daemon.wait_for_finding(kind="dns_unresolved", state="open")
    assert (half["name"], half["owner"], half["severity"]) == (NAME, "web", "warning")
    assert "SERVFAIL (AAAA)" in half["summary"]
    unknown = {"family": "ipv6", "state": "unknown"}
    wait_for("unknown endpoints", lambda: daemon.metric("postern_endpoints", **unknown))

    dns.failing = {NAME: "NXDOMAIN"}
    wait_for("an unknown host", lambda: daemon.metric("postern_hosts", status="unknown") == 1)
    success = daemon.metric("postern_scan_last_success_timestamp_seconds", scan="expected")
    daemon.wait_for_runs("expected", 2)
    assert success == daemon.metric(
        "postern_scan_last_success_timestamp_seconds", scan="expected"
    ), "no run was complete"
    assert daemon.metric("postern_scan_failures_total", scan="expected", reason="incomplete") >= 2
    assert [f["state"] for f in daemon.findings(**forbidden)] == ["open"], "nothing was looked at"
    (host,) = [h for h in daemon.api("hosts")["hosts"] if h["name"] == "web-1"]
    assert host["unresolved"] == [NAME]
    assert all(set(a["states"].get("tcp", {})) == {"unknown"} for a in host["addresses"])
    (scan,) = [c for c in daemon.api("coverage")["coverage"] if c["scan"] == "expected"]
    assert {"subject": NAME, "host": "web-1"}.items() <= scan["unseen"][0].items()

    dns.failing = {}
    daemon.wait_for_finding(kind="dns_unresolved", resolution="fixed")
    wait_for("hosts that are up", lambda: daemon.metric("postern_hosts", status="unknown") == 0)
    assert [f["state"] for f in daemon.findings(**forbidden)] == ["open"]
    assert {name.lower() for name in dns.asked} == {NAME}


def test_a_name_never_makes_this_machine_a_target(dns, make_daemon):
    answers = ["127.0.0.1", "0.0.0.0", "192.0.2.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
    dns.zone = {f"n{i}.lab.test": [answer] for i, answer in enumerate(answers)}
    hosts = "".join(f"  - {{name: n{i}, dns: [n{i}.lab.test]}}\n" for i in range(len(answers)))
    head = "version: 1\nscope: {authorized_by: tests, include: [0.0.0.0/0, '::/0']}\n"
    scans = """
  - {name: top, stage: top, ports: "tcp/9977", every: 1s}
"""
    daemon = make_daemon(policy=f"hosts:\n{hosts}", head=head, scans=scans).start()
    wait_for(
        "each is told",
        lambda: len(daemon.findings(kind="dns_out_of_scope", state="open")) == len(answers),
    )
    daemon.wait_for_runs("top", 2)
    told = {f["addresses"][0] for f in daemon.findings()}
    assert told == set(answers), "and nothing else, though posternd listens on 127.0.0.1"
    assert daemon.metric("postern_probes_sent_total") == 0


def test_a_family_without_a_route_is_unknown_until_the_policy_says_so(lab, make_daemon):
    start_nginx(lab.target("web", 10), ports=[80])
    head = """
version: 1
scope: {authorized_by: tests, include: [192.0.2.0/24, "2001:db8::/32"]}
viewpoints:
  lab: {description: tests%s}
"""
    policy = """
hosts:
  - {name: web-1, addresses: [192.0.2.10, "2001:db8:77::10", "2001:db8:77::11"],
     expect: [{ports: "tcp/80,443", state: open}]}
"""
    daemon = make_daemon(policy=policy, head=head % "", scans="\n  - {name: expected, stage: expected, every: 1s}\n").start()
    daemon.wait_for_finding(kind="missing", address="192.0.2.10", state="open")
    daemon.wait_for_runs("expected", 2)
    assert {f["address"] for f in daemon.findings()} == {"192.0.2.10"}, "unknown is no verdict"
    unknown = {"family": "ipv6", "state": "unknown"}
    assert daemon.metric("postern_endpoints", **unknown) == 4
    assert daemon.metric("postern_scan_last_success_timestamp_seconds") == 0
    assert daemon.metric("postern_scan_failures_total", reason="incomplete") >= 2
    hint = "viewpoints.lab.families: [ipv4]"
    assert daemon.process.log_text().count(hint) == 1, "said once"

    daemon.head = head % ", families: [ipv4]"
    daemon.write_policy(policy)
    daemon.reload()
    wait_for(
        "a complete run", lambda: daemon.metric("postern_scan_last_success_timestamp_seconds")
    )
    assert daemon.metric("postern_endpoints", **unknown) == 0
    explained = postern("explain", "web-1", "tcp/80", "--config", daemon.config_path).stdout
    assert "2001:db8:77::10 is not seen from lab, which has no ipv6" in explained
    assert "viewpoint lab has no ipv6" in postern("plan", "--config", daemon.config_path).stdout
    assert "viewpoint lab over ipv4 only" in postern("check", daemon.config_path).stdout
