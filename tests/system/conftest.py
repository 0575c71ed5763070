"""Fixtures of the system tests. POSTERN_BIN names the folder of the programs under test."""

import pytest
from daemon import Daemon
from lab import Lab, enter_private_network, make_bridge


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
