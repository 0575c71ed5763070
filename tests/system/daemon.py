"""posternd under test: its files, its life, and what it says by metrics, findings and log."""

import json
import os
import signal
import subprocess
from pathlib import Path

from lab import wait_for
from servers import http_get, metric_samples, must_answer

BIN = Path(os.environ.get("POSTERN_BIN", Path(__file__).parents[2] / "build/dev/bin"))

# Often enough that a test sees several cycles in seconds.
SCANS = """
  - {name: expected, stage: expected, every: 1s}
  - {name: top, stage: top, ports: "tcp/22,80,443,6379", every: 1s}
"""

LIMITS = "{rate: 5000, host_rate: 5000, network_rate: 5000}"

POLICY_HEAD = """
version: 1
scope:
  authorized_by: "the system tests"
  include: [192.0.2.0/24, "2001:db8:10::/64"]
  exclude: [192.0.2.66, "2001:db8:10::66"]
viewpoints:
  lab: {description: "the scanner's namespace"}
"""


def postern(*arguments):
    """Runs the operator's tool; status 2 (could not tell) is for the test to judge."""
    return subprocess.run(
        [BIN / "postern", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


class Daemon:
    """`policy` is YAML after `head`; the other settings are the values of their keys. A receiver is
    the URL of an Alertmanager, or YAML."""

    address = "127.0.0.1:9977"

    def __init__(
        self,
        lab,
        policy,
        *,
        head=POLICY_HEAD,
        scans=SCANS,
        limits=LIMITS,
        receivers=(),
        canaries="",
    ):
        self.lab = lab
        self.head = head
        self.process = None
        self.policy_path = lab.folder / "policy.yaml"
        self.config_path = lab.folder / "posternd.yaml"
        self.write_policy(policy)
        listed = "".join(
            f"\n  - {one}"
            if one.startswith("{")
            else f"\n  - {{name: am-{n}, alertmanager: {{urls: ['{one}']}}}}"
            for n, one in enumerate(receivers)
        )
        self.config_path.write_text(
            f"version: 1\nviewpoint: lab\npolicy: policy.yaml\nstorage: sqlite:postern.db\n"
            f"listen: {self.address}\ncontrol_socket: postern.sock\nlimits: {limits}\nscans:{scans}\n"
            + (f"canaries:{canaries}\n" if canaries else "")
            + (f"receivers:{listed}\n" if listed else "")
        )

    def write_policy(self, policy):
        self.policy_path.write_text(self.head + policy)

    def launch(self, env=None, shell=None):
        """Starts the program without waiting for it; `shell` is a line that ends with it, as "$@"."""
        command = [BIN / "posternd", "--config", self.config_path]
        if shell:
            command = ["sh", "-c", shell, "sh", *command]
        self.process = self.lab.start(*command, log=self.lab.folder / "posternd.log", env=env)
        return self.process

    def start(self, **how):
        self.launch(**how)
        wait_for("posternd is ready", self.ready)
        return self

    def ready(self):
        return self.process.must_run() and http_get(f"http://{self.address}/-/ready") is not None

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.kill()

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def log_has(self, *texts):
        return all(text in self.process.log_text() for text in texts)

    def api(self, path):
        return json.loads(must_answer(f"http://{self.address}/api/v1/{path}"))

    def samples(self, name):
        """[(labels, value)] of a metric, as exported now."""
        return metric_samples(f"http://{self.address}/metrics", name)

    def metric(self, name, **labels):
        """The sum over the samples that carry `labels`; None if there is none."""
        values = [value for have, value in self.samples(name) if labels.items() <= have.items()]
        return sum(values) if values else None

    def runs(self, scan):
        return self.metric("postern_scan_runs_total", scan=scan) or 0

    def wait_for_runs(self, scan, count, timeout=20):
        """Until `count` runs of `scan` have both begun and ended after this call."""
        # The run in flight now may have begun before what the test did last.
        goal = self.runs(scan) + count + 1
        wait_for(f"{count} more runs of {scan}", lambda: self.runs(scan) >= goal, timeout)

    def findings(self, **fields):
        """The findings with these fields, resolved ones too, as `postern findings list` has them."""
        result = postern(
            "findings", "list", "--all", "--config", self.config_path, "--format", "jsonl"
        )
        assert result.returncode == 0, result.stderr
        return [f for f in json_lines(result.stdout) if fields.items() <= f.items()]

    def wait_for_finding(self, timeout=20, **fields):
        what = f"a finding with {fields}"
        return wait_for(what, lambda: self.findings(**fields), timeout)[0]
