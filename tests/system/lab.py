"""A network of its own for the system tests: namespaces joined by a bridge, real programs in them.

The test process moves into a private network and mount namespace (as root, or in an unprivileged
user namespace), so nothing it makes is seen outside and all of it is gone when the process ends.
That namespace is the scanner's: it holds the bridge 192.0.2.1, 2001:db8:10::1. Each Target is a
namespace of its own on the bridge. The addresses are those for documentation (RFC 5737, RFC 3849).
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1

BRIDGE = "lab0"
# A bridge without a link-layer address of its own takes the lowest of its ports', and so changes it
# when a host is added: those that knew the old one would send to nobody for a while.
BRIDGE_MAC = "02:00:00:00:00:01"

libc = ctypes.CDLL(None, use_errno=True)


def wait_for(what, condition, timeout=20):
    """Polls `condition` until it is true and returns its value; fails with `what` it waited for."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"after {timeout} s still not: {what}; last: {value!r}"
        time.sleep(0.05)


def run(*command, check=True):
    """Runs a command to its end and returns it with its output."""
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if check and result.returncode != 0:
        raise AssertionError(f"{command} failed ({result.returncode}): {result.stderr}")
    return result


def enter_private_network():
    """Moves this process, which must have a single thread, into namespaces of its own."""
    flags = CLONE_NEWNET | CLONE_NEWNS
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        flags |= CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        error = os.strerror(ctypes.get_errno())
        raise RuntimeError(
            f"cannot make network namespaces ({error}): run the tests as root, or where "
            "unprivileged user namespaces are allowed"
        )
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    run("mount", "--make-rprivate", "/")
    # `ip netns` and sshd keep their files here.
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    Path("/run/sshd").mkdir()


class Process:
    """A program in the background. It is stopped by its pid, and dies with the test process."""

    def __init__(self, command, log, env=None):
        self.log = Path(log)
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                [str(c) for c in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            )
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def must_run(self):
        assert self.running(), f"{self.popen.args} ended:\n{self.log_text()}"
        return True

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=20):
        return self.popen.wait(timeout)

    def stop(self, timeout=10):
        """Asks it to end, kills it if it does not, and returns its exit status."""
        if self.running():
            self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.popen.args[0]} ignored SIGTERM for {timeout} s") from None

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def log_text(self):
        return self.log.read_text(errors="replace")


class Target:
    """A host on the bridge, 192.0.2.N and 2001:db8:10::N."""

    def __init__(self, lab, name, number):
        self.lab, self.name = lab, name
        self.ipv4, self.ipv6 = f"192.0.2.{number}", f"2001:db8:10::{number}"
        self.addresses = [self.ipv4, self.ipv6]
        self.port = f"port{number}"
        lab.targets.append(self)  # from its first part on: whatever fails below, it is taken down
        run("ip", "netns", "add", name)
        run("ip", "link", "add", self.port, "type", "veth", "peer", "eth0", "netns", name)
        run("ip", "link", "set", self.port, "master", BRIDGE, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "addr", "add", f"{self.ipv4}/24", "dev", "eth0")
        self.run("ip", "addr", "add", f"{self.ipv6}/64", "dev", "eth0", "nodad")
        # Each reject is to be answered; a real host's limit (about one a second) has tests of its
        # own where limits matter.
        for limit in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
            self.run("sysctl", "-qw", f"{limit}=0")
        for address in self.addresses:
            wait_for(f"{address} answers", lambda: answers(address))

    def run(self, *command, check=True):
        return run("ip", "netns", "exec", self.name, *command, check=check)

    def start(self, *command, log=None):
        log = log or self.lab.folder / f"{self.name}-{Path(str(command[0])).name}.log"
        return self.lab.start("ip", "netns", "exec", self.name, *command, log=log)

    def filter(self, *rules):
        """Replaces the rules for what comes in, each as nft writes it."""
        lines = "\n".join(rules)
        ruleset = (
            "table inet lab {}\nflush table inet lab\n"
            "table inet lab { counter hits {}\n"
            f"chain input {{ type filter hook input priority 0;\n{lines}\n}}\n}}\n"
        )
        path = self.lab.folder / f"{self.name}.nft"
        path.write_text(ruleset)
        self.run("nft", "-f", path)

    def hits(self):
        """Packets that a rule with `counter name hits` saw."""
        words = self.run("nft", "list", "counter", "inet", "lab", "hits").stdout.split()
        return int(words[words.index("packets") + 1])

    def unplug(self):
        run("ip", "link", "set", self.port, "down")

    def plug(self):
        run("ip", "link", "set", self.port, "up")
        for address in self.addresses:
            wait_for(f"{address} answers again", lambda: answers(address))

    def listens(self, port, address):
        return answers(address, port) == "open"


def answers(address, port=1):
    """What a TCP connect says at once: "open", "closed", or "" for silence."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(0.5)
        try:
            connection.connect((address, port))
            return "open"
        except ConnectionRefusedError:
            return "closed"
        except OSError:
            return ""


class Lab:
    """One test's network. `folder` is for its files; close() ends its programs and targets."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.targets, self.processes = [], []

    def target(self, name, number):
        return Target(self, name, number)

    def start(self, *command, log=None, env=None):
        log = log or self.folder / f"{Path(str(command[0])).name}.log"
        self.processes.append(Process(command, log, env))
        return self.processes[-1]

    def close(self):
        for process in reversed(self.processes):
            if process.running():
                process.kill()
        for target in self.targets:
            run("ip", "link", "del", target.port, check=False)  # it may not have got that far
            run("ip", "netns", "del", target.name)


def make_bridge():
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "address", BRIDGE_MAC, "type", "bridge")
    # Tests that pull the cable get their IPv6 address back with it.
    run("sysctl", "-qw", f"net.ipv6.conf.{BRIDGE}.keep_addr_on_down=1")
    run("ip", "link", "set", BRIDGE, "up")
    run("ip", "addr", "add", "192.0.2.1/24", "dev", BRIDGE)
    run("ip", "addr", "add", "2001:db8:10::1/64", "dev", BRIDGE, "nodad")
