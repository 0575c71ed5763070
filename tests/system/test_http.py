"""The HTTP server of the real posternd: TLS, users, reload, and clients that are no friends."""

import json
import socket
import ssl
import subprocess
import urllib.parse
from pathlib import Path

import jsonschema
import pytest
from lab import run, wait_for
from servers import http_get, start_redis

ROOT = Path(__file__).parents[2]

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""
# bcrypt of "secret" at cost 10.
HASH = "$2y$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
USERS = f"basic_auth_users: {{prometheus: '{HASH}'}}\n"
RIGHT = ("-u", "prometheus:secret")


def make_certificate(folder, name, *options):
    run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-out", folder / f"{name}.pem", *options),
    )


class Served:
    """A daemon behind its web configuration, asked by curl."""

    def __init__(self, daemon, web, extra=""):
        self.daemon = daemon
        self.folder = daemon.lab.folder
        self.web = self.folder / "web.yml"
        self.web.write_text(web)
        make_certificate(self.folder, "server")
        self.trusted = self.folder / "trusted.pem"
        self.trusted.write_text((self.folder / "server.pem").read_text())
        scheme = "https" if "tls" in web else "http"
        self.url = f"{scheme}://{daemon.address}"
        with daemon.config_path.open("a") as config:
            config.write(f"web: {{config_file: web.yml{extra}}}\n")
        daemon.launch()

    def wait(self, *options):
        wait_for(
            "posternd answers",
            lambda: self.daemon.process.must_run() and self.curl("/-/ready", *options)[0] == 200,
        )
        return self

    def curl(self, path, *options, url=None):
        """(status, body); status 0 where there was no reply."""
        result = subprocess.run(
            ["curl", "-sS", "--max-time", "20", "--cacert", str(self.trusted)]
            + ["-w", "\n%{http_code}", *map(str, options), (url or self.url) + path],
            capture_output=True,
            text=True,
        )
        body, _, status = result.stdout.rpartition("\n")
        return int(status), body

    def metric(self, name):
        lines = self.curl("/metrics", *RIGHT)[1].splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), None)

    def certificate(self):
        """What the server shows, as PEM; None where there is no handshake."""
        try:
            return ssl.get_server_certificate(("127.0.0.1", 9977)).strip()
        except OSError:
            return None


@pytest.fixture
def serve(lab, make_daemon):
    lab.target("web-1", 10)
    return lambda web, extra="": Served(make_daemon(policy=POLICY), web, extra)


def test_tls_and_users_guard_every_path(serve):
    served = serve(TLS + USERS + "http_server_config: {headers: {X-Frame-Options: deny}}\n")
    served.wait(*RIGHT)
    for path in ("/metrics", "/-/healthy", "/nowhere"):
        assert served.curl(path)[0] == 401
        assert served.curl(path, "-u", "prometheus:Secret")[0] == 401
        assert served.curl(path, "-u", "nobody:secret")[0] == 401
    assert served.curl("/metrics", *RIGHT)[0] == 200
    assert "X-Frame-Options: deny" in served.curl("/-/healthy", *RIGHT, "-i")[1]
    assert served.curl("/metrics", *RIGHT, "--tls-max", "1.1")[0] == 0
    plain = served.curl("/", url=f"http://{served.daemon.address}")
    assert plain == (400, "this port is served over TLS; ask it with https://\n")
    assert "secret" not in served.daemon.process.log_text()
    assert HASH not in served.daemon.process.log_text()


def test_a_client_without_a_certificate_gets_nothing(serve):
    served = serve(
        "tls_server_config: {cert_file: server.pem, key_file: server.key, "
        "client_auth_type: RequireAndVerifyClientCert, client_ca_file: friends.pem}\n"
    )
    assert served.daemon.process.wait() == 2
    assert "friends.pem: cannot read it" in served.daemon.process.log_text()
    for name in ("friends", "strangers"):
        make_certificate(served.folder, name)
    served.daemon.launch()
    as_name = {
        name: ("--cert", served.folder / f"{name}.pem", "--key", served.folder / f"{name}.key")
        for name in ("friends", "strangers")
    }
    served.wait(*as_name["friends"])
    assert served.curl("/metrics", *as_name["strangers"])[0] == 0
    assert served.curl("/metrics")[0] == 0


def test_prometheus_scrapes_over_tls_with_a_password(lab, serve):
    served = serve(TLS + USERS).wait(*RIGHT)
    (lab.folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: postern\n    scheme: https\n"
        f"    tls_config: {{ca_file: {served.trusted}}}\n"
        "    basic_auth: {username: prometheus, password: secret}\n"
        f"    static_configs: [{{targets: ['{served.daemon.address}']}}]\n"
    )
    lab.start(
        *("prometheus", f"--config.file={lab.folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={lab.folder / 'tsdb'}", "--web.listen-address=127.0.0.1:9090"),
    )

    def value_of(query):
        text = http_get(f"http://127.0.0.1:9090/api/v1/query?query={urllib.parse.quote(query)}")
        result = json.loads(text)["data"]["result"] if text else []
        return float(result[0]["value"][1]) if result else None

    wait_for("Prometheus has it", lambda: value_of("postern_build_info") == 1, timeout=60)
    wait_for("ten scrapes", lambda: (value_of("sum_over_time(up[5m])") or 0) >= 10, timeout=60)
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=served.curl("/metrics", *RIGHT)[1],
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_a_rotated_certificate_is_served_without_a_reload(serve):
    served = serve(TLS + USERS).wait(*RIGHT)
    first = served.certificate()
    make_certificate(served.folder, "server")
    second = (served.folder / "server.pem").read_text().strip()
    wait_for("the new certificate", lambda: served.certificate() == second)
    assert first != second
    served.trusted.write_text(second)
    assert served.metric("postern_web_config_last_reload_successful") == 1

    # What cannot be used leaves the one before in force, and comes back by itself.
    (served.folder / "server.key").unlink()
    failed = "postern_web_config_last_reload_successful"
    wait_for("the failure shows", lambda: served.metric(failed) == 0)
    assert served.certificate() == second
    wait_for(
        "a warning", lambda: served.daemon.log_has("those before stay in force", "server.key")
    )
    make_certificate(served.folder, "server")
    third = (served.folder / "server.pem").read_text().strip()
    wait_for("the third certificate", lambda: served.certificate() == third)
    served.trusted.write_text(third)
    assert served.metric(failed) == 1

    # So are users.
    served.web.write_text(TLS + USERS.replace("prometheus", "somebody"))
    wait_for("the old user is gone", lambda: served.curl("/metrics", *RIGHT)[0] == 401)
    assert served.curl("/metrics", "-u", "somebody:secret")[0] == 200


def test_reload_over_http(serve):
    served = serve(USERS, extra=", enable_reload: true").wait(*RIGHT)
    post = ("-X", "POST", *RIGHT)
    assert served.curl("/-/reload", "-X", "POST")[0] == 401
    assert served.curl("/-/reload", *RIGHT) == (405, "a reload is a POST\n")
    assert "\nAllow: POST\n" in served.curl("/-/reload", *RIGHT, "-i")[1]
    assert "\nAllow: GET, HEAD\n" in served.curl("/metrics", *RIGHT, "-i", "-X", "PUT")[1]
    assert served.curl("/-/reload", *post, "-d", "x=1")[0] == 413
    status, said = served.curl("/-/reload", *post)
    assert status == 200 and said.startswith("reloaded: policy ") and said.endswith(", 1 host\n")

    served.daemon.write_policy(POLICY.replace("expect:", "expct:"))
    status, said = served.curl("/-/reload", *post)
    assert status == 500 and "unknown key 'expct'; did you mean 'expect'?" in said
    assert served.metric("postern_config_last_reload_successful") == 0
    served.web.write_text("basic_auth_users: {prometheus: hunter2}\n")
    served.daemon.write_policy(POLICY)
    status, said = served.curl("/-/reload", *post)
    assert status == 500 and "not a bcrypt hash" in said and "hunter2" not in said
    assert "hunter2" not in served.daemon.process.log_text()

    served.web.write_text(USERS)
    config = served.daemon.config_path
    config.write_text(config.read_text().replace(", enable_reload: true", ""))
    assert served.curl("/-/reload", *post)[0] == 200
    status, said = served.curl("/-/reload", *post)
    assert status == 403 and "enable_reload: true" in said


def test_slow_clients_keep_nobody_out(serve):
    served = serve(TLS).wait()
    slow = []
    for n in range(800):
        slow.append(socket.create_connection(("127.0.0.1", 9977)))
        # Half of them do not even begin TLS; the others begin it and say no more.
        slow[-1].sendall(b"" if n % 2 else b"\x16\x03\x01\x02\x00\x01")
    # They would hold the 256 connections for 5 s each, three times over.
    assert served.curl("/metrics", "--max-time", 8)[0] == 200
    for client in slow:
        client.settimeout(20)
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            pass
        client.close()
    assert served.curl("/metrics")[0] == 200


def test_the_api_tells_findings_hosts_and_runs(lab, make_daemon):
    start_redis(lab.target("web-1", 10), addresses=["192.0.2.10"])
    daemon = make_daemon(policy=POLICY).start()
    redis = daemon.wait_for_finding(state="open", port=6379)
    missing = daemon.wait_for_finding(state="open", port=443)
    daemon.wait_for_runs("top", 1)
    daemon.wait_for_runs("expected", 1)

    def ask(path):
        return json.loads(http_get(f"http://{daemon.address}/api/v1/{path}"))

    def refused(path):
        result = run("curl", "-sS", "-w", "%{http_code}", f"http://{daemon.address}/api/v1/{path}")
        return int(result.stdout[-3:]), json.loads(result.stdout[:-3])["error"]

    schema = json.loads((ROOT / "docs/webhook.schema.json").read_text())
    findings = ask("findings")["findings"]
    assert {f["id"] for f in findings} == {redis["id"], missing["id"]}
    for finding in findings:
        jsonschema.validate(finding, {"definitions": schema["definitions"], **schema["properties"]["finding"]})
    def ids(page, of="findings"):
        return [one["id"] for one in page[of]]

    assert ids(ask("findings?kind=missing,wrong_state")) == [missing["id"]]
    assert ids(ask("findings?severity=info")) == ids(ask("findings?state=resolved")) == []
    assert ids(ask("findings?host=web-1&limit=1000")) == [f["id"] for f in findings]
    first = ask("findings?limit=1")
    second = ask(f"findings?limit=1&cursor={first['next']}")
    assert ids(first) + ids(second) == [f["id"] for f in findings] and "next" not in second

    one = ask(f"findings/{redis['id']}")
    assert one["evidence"][0]["answers"][0]["state"] == "open"
    assert one["evidence"][0]["nmap"].startswith("nmap ") and "pcap" not in one["evidence"][0]

    host = ask("hosts")["hosts"][0]
    assert (host["name"], host["owner"]) == ("web-1", "web-platform")
    assert host["addresses"] == [
        {"address": "192.0.2.10", "states": {"tcp": {"open": 1, "closed": 3}}}
    ]
    newest = ask("snapshots?limit=2")
    older = ask(f"snapshots?limit=1&cursor={newest['next']}")
    assert (len(newest["snapshots"]), len(older["snapshots"])) == (2, 1)
    # No run is in two pages; a run that still goes on is in none, so ids may be missing.
    runs = ids(newest, "snapshots") + ids(older, "snapshots")
    assert runs == sorted(set(runs), reverse=True) and newest["next"] == str(runs[1])
    assert newest["snapshots"][0]["complete"] and newest["snapshots"][0]["blind"] == []
    coverage = {one["scan"]: one for one in ask("coverage")["coverage"]}
    assert set(coverage) == {"expected", "top"}
    assert coverage["top"]["oldest_observation"] <= coverage["top"]["last_success"]

    assert refused("targets") == (
        404,
        "there are findings, findings/ID, hosts, snapshots and coverage here",
    )
    assert refused("findings/abcdefghij")[0] == 404
    assert refused("findings?state=closed") == (400, "'closed' is no state")
    assert refused("findings?limit=1001")[0] == 400
    assert refused("findings?target=192.0.2.1")[0] == 400
    assert run("curl", "-sS", "-X", "POST", f"http://{daemon.address}/api/v1/hosts").stdout == (
        "only GET and HEAD are served here\n"
    )
