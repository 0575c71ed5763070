"""What the policy's names lead to, in the running daemon. The names stand in a hosts file of the
test's own, which goes before DNS, with one address of each family (c-ares takes the first); no DNS
server answers."""

import socket
import urllib.error
import urllib.request

import pytest
from daemon import json_lines, postern
from lab import run, wait_for
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
