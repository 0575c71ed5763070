"""The include lint: each wrong include is found, with its place and what would be right."""

import subprocess
from pathlib import Path

import pytest

LINT = Path(__file__).parents[2] / "scripts" / "lint_layers.py"


@pytest.fixture
def tree(tmp_path):
    """Writes files by their path; those that others include exist already."""

    def write(files):
        for name in ("core/endpoint.h", "policy/policy.h", "storage/store.h", "daemon/cycle.h"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("#pragma once\n")
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def lint(root):
    result = subprocess.run(["/usr/bin/python3", LINT, root], capture_output=True, text=True)
    return result.returncode, result.stdout


def test_includes_that_point_down_pass(tree):
    root = tree(
        {
            "drift/compare.cc": '#include "core/endpoint.h"\n#include "policy/policy.h"\n',
            "daemon/main.cc": '#include "daemon/cycle.h"\n#include "storage/store.h"\n',
            "policy/load.cc": "#include <yaml-cpp/yaml.h>\n",
            "tests/storage/store_test.cc": '#include "storage/store.h"\n#include <sqlite3.h>\n',
        }
    )
    assert lint(root) == (0, "")


@pytest.mark.parametrize(
    "name, line, message",
    [
        (
            "core/a.cc",
            '#include "policy/policy.h"',
            'core must not include "policy/policy.h"; it may include core',
        ),
        (
            "storage/a.h",
            '#  include "policy/policy.h"',
            'storage must not include "policy/policy.h"; it may include storage, core',
        ),
        (
            "tests/drift/a_test.cc",
            '#include "storage/store.h"',
            'drift must not include "storage/store.h"; it may include drift, core, policy',
        ),
        (
            "policy/a.cc",
            '#include "../core/endpoint.h"',
            '"../core/endpoint.h" is no file of this tree; include by the path from the root',
        ),
        (
            "daemon/a.cc",
            "#include <sqlite3.h>",
            "daemon must not include <sqlite3.h>; it is private to storage",
        ),
    ],
)
def test_a_wrong_include_fails_with_its_place(tree, name, line, message):
    root = tree({name: f"// A comment.\n{line}\n"})
    assert lint(root) == (1, f"{name}:2: {message}\n")
