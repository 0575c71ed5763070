"""The real servers of the lab, each started on one target and waited for."""

import http.server
import json
import re
import socket
import threading
import time
import urllib.parse
import urllib.request

from lab import run, wait_for

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def start_nginx(target, ports=(80, 443)):
    """nginx on every address of `target`; 443 speaks TLS with a certificate of its own."""
    folder = target.lab.folder / f"{target.name}-nginx"
    folder.mkdir(exist_ok=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    if not key.exists():
        run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={target.name}"),
            *("-keyout", key, "-out", certificate),
        )
    servers = ""
    for port in ports:
        tls = " ssl" if port == 443 else ""
        servers += (
            f"server {{ listen 0.0.0.0:{port}{tls}; listen [::]:{port}{tls} ipv6only=on;"
            f" ssl_certificate {certificate}; ssl_certificate_key {key}; return 204; }}\n"
        )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        # One process: nothing is left behind when it is stopped by its pid.
        f"user root root; daemon off; master_process off; pid {folder}/pid;\n"
        f"error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body;"
        f" proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;"
        f" uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n{servers} }}\n"
    )
    process = target.start("nginx", "-e", folder / "error.log", "-c", configuration)
    wait_for_listeners(target, process, ports)
    return process


def start_sshd(target, port=22):
    folder = target.lab.folder / f"{target.name}-sshd"
    folder.mkdir(exist_ok=True)
    key = folder / "host_key"
    if not key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    configuration = folder / "sshd_config"
    configuration.write_text(f"Port {port}\nHostKey {key}\nPidFile {folder}/pid\nUsePAM no\n")
    # sshd insists on its full path: it executes itself again for each connection.
    process = target.start("/usr/sbin/sshd", "-D", "-f", configuration)
    wait_for_listeners(target, process, [port])
    return process


def start_redis(target, port=6379, addresses=None):
    """redis-server bound to `addresses` alone, by default every address of `target`."""
    addresses = addresses or target.addresses
    process = target.start(
        *("redis-server", "--bind", *addresses, "--port", port, "--protected-mode", "no"),
        *("--save", "", "--dir", target.lab.folder),
    )
    wait_for_listeners(target, process, [port], addresses)
    return process


def wait_for_listeners(target, process, ports, addresses=None):
    for address in addresses or target.addresses:
        for port in ports:
            wait_for(
                f"{target.name} listens on {address} port {port}",
                lambda: process.must_run() and target.listens(port, address),
            )


class LocalPorts:
    """Ports of this namespace's 127.0.0.1 that listen, and answer nothing."""

    def __init__(self):
        self.open = {}

    def toggle(self, port):
        if port in self.open:
            self.open.pop(port).close()
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        self.open[port] = listener

    def close(self):
        for listener in self.open.values():
            listener.close()


def http_get(url):
    """The body, or None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.read().decode()
    except OSError:
        return None


def must_answer(url):
    """The body of a server that is up: no answer is not the answer that there is nothing."""
    return wait_for(f"an answer of {url}", lambda: http_get(url))


def metric_samples(url, name):
    """[(labels, value)] of a metric, as exported now."""
    samples = []
    for line in must_answer(url).splitlines():
        match = SAMPLE.match(line)
        if match and match[1] == name:
            samples.append((dict(LABEL.findall(match[2] or "")), float(match[3])))
    return samples


class Alertmanager:
    """Debian's Alertmanager beside the daemon; `hook` is told each alert's beginning and end."""

    def __init__(self, lab, port=9093, hook=None):
        self.lab, self.port, self.process = lab, port, None
        self.url = f"http://127.0.0.1:{port}"
        self.configuration = lab.folder / f"alertmanager-{port}.yml"
        self.configuration.write_text(
            "route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{hook.url}'}}]}}]\n"
            if hook
            else "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
        )
        self.start()

    def start(self):
        self.process = self.lab.start(
            *("prometheus-alertmanager", f"--config.file={self.configuration}"),
            f"--storage.path={self.lab.folder / f'alertmanager-{self.port}'}",
            *("--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{self.port}"),
        )
        wait_for("Alertmanager is ready", lambda: http_get(f"{self.url}/-/ready"))

    def stop(self):
        self.process.stop()

    def notifications(self):
        """How many it has sent, and knows of that they arrived or not."""
        name = "alertmanager_notification_latency_seconds_count"
        return sum(value for _, value in metric_samples(f"{self.url}/metrics", name))

    def alerts(self, **labels):
        """The alerts that are active now and carry `labels`."""
        alerts = json.loads(must_answer(f"{self.url}/api/v2/alerts"))
        return [a for a in alerts if labels.items() <= a["labels"].items()]


class Prometheus:
    """Debian's Prometheus, scraping the daemon and evaluating `rule_files` every second."""

    url = "http://127.0.0.1:9090"

    def __init__(self, lab, target, rule_files=()):
        configuration = lab.folder / "prometheus.yml"
        configuration.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: {json.dumps([str(path) for path in rule_files])}\n"
            "scrape_configs:\n"
            f"  - {{job_name: postern, static_configs: [{{targets: ['{target}']}}]}}\n"
        )
        self.process = lab.start(
            *("prometheus", f"--config.file={configuration}"),
            *(f"--storage.tsdb.path={lab.folder / 'prometheus'}",),
            "--web.listen-address=127.0.0.1:9090",
        )
        wait_for("Prometheus is ready", lambda: http_get(f"{self.url}/-/ready"))

    def query(self, expression):
        """The instant vector as [({label: value}, number)]."""
        query = urllib.parse.urlencode({"query": expression})
        result = json.loads(must_answer(f"{self.url}/api/v1/query?{query}"))["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def rules(self):
        """All rules, with what became of them: `health`, `lastError`, `alerts`."""
        answer = json.loads(must_answer(f"{self.url}/api/v1/rules"))
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]


class Hook:
    """A webhook in this process: keeps what it takes, and answers with the statuses that it is told
    first, then with what `judge` says of the body, 200 by default. The answer's body is `echo`, the
    request's headers and its body, if there is one. Every method is the same to it."""

    url = "http://127.0.0.1:8099/hook"

    def __init__(self, port=8099, judge=lambda body: 200, echo=""):
        self.url = f"http://127.0.0.1:{port}/hook"
        self.requests, self.answers = [], []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                status = hook.answers.pop(0) if hook.answers else judge(body)
                answer = f"{echo} {self.headers}{body}".encode() if echo else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except OSError:  # whoever asked was killed
                    pass
                hook.requests.append((dict(self.headers), body, status))

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def taken(self):
        """The JSON of the requests that were answered with 200."""
        return [json.loads(body) for _, body, status in self.requests if status == 200]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
