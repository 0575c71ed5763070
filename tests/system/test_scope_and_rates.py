"""What the network sees of Postern: nothing outside the scope, and never more than the caps."""

import pytest
from daemon import postern
from lab import run, wait_for
from topology import busiest_second

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    expect:
      - {ports: "tcp/22", state: allowed}
  - name: quiet
    addresses: [192.0.2.20, "2001:db8:10::20"]
    owner: web-platform
"""


def test_a_target_outside_the_scope_gets_no_packet(lab, make_daemon):
    excluded = lab.target("excluded", 66)
    excluded.filter(
        "ip saddr 192.0.2.1 counter name hits", "ip6 saddr 2001:db8:10::1 counter name hits"
    )
    daemon = make_daemon(policy=POLICY)

    result = postern("scan", "--policy", daemon.policy_path, "--ports", "22", *excluded.addresses)
    assert result.returncode == 2
    assert "192.0.2.66" in result.stderr
    assert excluded.hits() == 0

    # The same packets are counted where the operator's arguments are the scope.
    assert postern("scan", "--ports", "22", *excluded.addresses).returncode == 0
    assert excluded.hits() > 0


def test_a_host_that_a_reload_excludes_gets_no_further_packet(lab, make_daemon):
    web, quiet = lab.target("web-1", 10), lab.target("quiet", 20)
    quiet.filter("ip saddr 192.0.2.1 tcp dport 6379 counter name hits")
    daemon = make_daemon(policy=POLICY).start()
    wait_for("the host is probed", lambda: quiet.hits() > 0)

    policy = daemon.policy_path.read_text()
    policy = policy.replace("exclude: [", "exclude: [192.0.2.20, 2001:db8:10::20, ")
    policy = policy[: policy.index("  - name: quiet")]
    daemon.policy_path.write_text(policy)
    daemon.reload()
    wait_for("the new policy", lambda: daemon.log_has("reload"))
    daemon.wait_for_runs("top", 1)
    seen = quiet.hits()
    daemon.wait_for_runs("top", 2)
    assert quiet.hits() == seen
    assert web.listens(22, web.ipv4) is False


@pytest.mark.parametrize(
    "caps, cap",
    [
        (["--rate", "300", "--host-rate", "2000", "--network-rate", "2000"], 300),
        (["--rate", "2000", "--host-rate", "200", "--network-rate", "2000"], 200),
        (["--rate", "2000", "--host-rate", "2000", "--network-rate", "250"], 250),
    ],
    ids=["overall", "host", "network"],
)
def test_no_second_holds_more_packets_than_the_cap(lab, caps, cap):
    """Counted at the receiver, silent ports and so retries included."""
    web = lab.target("web-1", 10)
    web.filter("tcp dport 1-200 drop")
    capture = lab.folder / "packets.pcap"
    tcpdump = web.start("tcpdump", "-i", "eth0", "-w", capture, "-U", "--immediate-mode", "tcp")
    wait_for("tcpdump listens", lambda: "listening on" in tcpdump.log_text())

    result = postern("scan", "--ports", "1-600", *caps, web.ipv4)
    assert result.returncode == 0, result.stderr
    tcpdump.stop()

    syns = "src host 192.0.2.1 and tcp[tcpflags] & tcp-syn != 0"
    lines = run("tcpdump", "-tt", "-n", "-r", capture, syns).stdout.splitlines()
    times = [float(line.split()[0]) for line in lines]
    # 600 ports, of which 200 are asked at least three times.
    assert len(times) >= 1000
    # The cap itself, and what a queue on the way may bunch up.
    assert busiest_second(times) <= cap * 1.05
