"""Fixtures of the system tests. POSTERN_BIN names the folder of the programs under test."""

import sys
from pathlib import Path

import pytest
from daemon import Daemon
from lab import Lab, enter_private_network, make_bridge

sys.path.append(str(Path(__file__).resolve().parent.parent / "lab"))

from topology import Topology  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(scope="session")
def network():
    enter_private_network()
    make_bridge()


@pytest.fixture
def lab(network, tmp_path):
    lab = Lab(tmp_path)
    yield lab
    lab.close()


@pytest.fixture
def make_daemon(lab):
    """Makes daemons that are not started yet; their logs are shown with a test that fails."""
    daemons = []

    def make(**settings):
        daemons.append(Daemon(lab, **settings))
        return daemons[-1]

    yield make
    for daemon in daemons:
        if daemon.process:
            print(f"---- log of posternd\n{daemon.process.log_text()}")


@pytest.fixture
def make_topology(network, tmp_path):
    """Makes topologies of tests/lab, one at a time: they have the same names."""
    made = []

    def make(link=None):
        made.append(Topology(tmp_path, link))
        return made[-1]

    yield make
    for topology in made:
        topology.close()
