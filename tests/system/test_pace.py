"""What a scan's time goes to, what silence costs, and who waits for whom."""

import json

from daemon import json_lines, postern
from lab import wait_for
from servers import http_get, start_redis

FAST = ["--rate", "100000", "--host-rate", "100000"]

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    owner: web-platform
  - name: slow
    addresses: [192.0.2.20]
    owner: network
"""


def limit_resets(host, per_second):
    """Answers no more closed ports than that, as packet filters do."""
    host.run("nft", "add", "table", "inet", "resets")
    host.run(
        *("nft", "add", "chain", "inet", "resets", "out"),
        "{ type filter hook output priority 0; }",
    )
    limit = f"limit rate over {per_second}/second burst 10 packets drop"
    host.run(*f"nft add rule inet resets out tcp flags & rst == rst {limit}".split())


def test_a_scan_says_which_cap_held_it_back(lab):
    web = lab.target("web-1", 10)
    caps = [*FAST, "--network-rate", "200"]
    result = postern("scan", "--ports", "1-500", *caps, web.ipv4)
    assert result.returncode == 0, result.stderr
    assert "held back by --network-rate 200 (" in result.stderr

    result = postern("scan", "--ports", "1-500", "--format", "jsonl", *caps, web.ipv4)
    held_back = json_lines(result.stdout)[-1]["held_back"]
    assert max(held_back, key=held_back.get) == "network_rate"
    assert "held back" not in result.stderr

    # Nothing but the silence of a port that drops.
    web.filter("tcp dport 6379 drop")
    result = postern("scan", "--ports", "6379", *FAST, "--network-rate", "100000", web.ipv4)
    assert "held back by waiting for silent endpoints (" in result.stderr


def snapshots(daemon):
    reply = http_get(f"http://{daemon.address}/api/v1/snapshots")
    return json.loads(reply)["snapshots"][::-1] if reply else []


def test_a_slow_host_holds_back_nobody_else(lab, make_daemon):
    """300 ports at 15 resets a second take longer than anybody waits for them."""
    web, slow = lab.target("web-1", 10), lab.target("slow", 20)
    start_redis(web, addresses=[web.ipv4])
    limit_resets(slow, 15)
    daemon = make_daemon(
        policy=POLICY,
        limits="{rate: 2000, host_rate: 200, network_rate: 2000}",
        scans='\n  - {name: top, stage: top, ports: "tcp/1-299,6379", every: 3m}',
    ).start()
    finding = daemon.wait_for_finding(kind="unexpected_open", timeout=90)
    assert finding["host"] == "web-1"

    first = wait_for("the run", lambda: snapshots(daemon))[0]
    assert first["slow_hosts"] == [slow.ipv4]
    assert first["complete"] is True
    assert 0 < first["unknown"] < 300
    assert "reply_limit" in first["held_back"]

    rest = wait_for("the rest", lambda: snapshots(daemon)[1:], timeout=90)[0]
    assert rest["continues"] == first["id"]
    assert daemon.log_has("a host limits its replies", slow.ipv4)
    assert rest["asked"] == first["unknown"]
    assert (rest["complete"], rest["unknown"]) == (True, 0)
    hosts = json.loads(http_get(f"http://{daemon.address}/api/v1/hosts"))["hosts"]
    states = {host["name"]: host["addresses"][0]["states"]["tcp"] for host in hosts}
    assert states == {"web-1": {"open": 1, "closed": 299}, "slow": {"closed": 300}}
    assert daemon.runs("top") == 1, "the rest is no run of the schedule"


def test_a_plan_reckons_with_what_was_last_seen(lab, make_daemon):
    lab.target("web-1", 10)
    silent = lab.target("slow", 20)
    silent.filter("tcp dport 1-300 drop")
    scan = '\n  - {name: top, stage: top, ports: "tcp/1-300", every: 1m}'
    daemon = make_daemon(policy=POLICY, scans=scan)

    def plan(host_rate):
        path = lab.folder / "plan.yaml"
        text = daemon.config_path.read_text()
        path.write_text(text.replace("host_rate: 5000", f"host_rate: {host_rate}"))
        return postern("plan", "--config", path)

    # 300 ports of a host at 20 a second: 15 s if they answer, and a minute if they do not.
    unseen = plan(20)
    assert unseen.returncode == 1, unseen.stdout
    assert "nothing is known of 600: 2400 probes" in unseen.stdout
    assert "does not fit: it would with `every: 2m`, or with `host_rate: 24`" in unseen.stdout

    daemon.start()
    wait_for("a run", lambda: daemon.runs("top") == 1)
    seen = plan(20)
    assert seen.returncode == 1, seen.stdout
    assert "300 answered, 300 were silent, nothing is known of 0: 1500 probes" in seen.stdout
    assert plan(24).returncode == 0
