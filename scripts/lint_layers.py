#!/usr/bin/python3
"""Checks the #include lines of a source tree against its layers.

A folder includes only the folders below it, by a path from the root ("core/endpoint.h"), and a
library that is private to one folder is included only there. The layers are those of
docs/architecture.md; the build links the folders by the same rule, but a header-only include would
pass it.

    lint_layers.py [ROOT]
"""

import re
import sys
from pathlib import Path

# What each folder may include besides itself.
LAYERS = {
    "core": [],
    "policy": ["core"],
    "scanner": ["core"],
    "drift": ["core", "policy"],
    "storage": ["core"],
    "formats": ["core"],
    "exporters": ["core"],
    "daemon": ["core", "policy", "scanner", "drift", "storage", "formats", "exporters"],
    "cli": ["core", "policy", "scanner", "drift", "storage", "formats", "exporters", "daemon"],
}

# Libraries that one folder keeps to itself: the start of the include and the folders.
PRIVATE_LIBRARIES = {
    "yaml-cpp/": ["policy"],
    "sqlite3.h": ["storage"],
    "pcap": ["scanner"],
    "ares": ["scanner"],
    "idn2.h": ["core"],
    "CLI/": ["cli", "daemon"],
    "systemd/": ["daemon"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path):
    """The folder whose rules hold for `path`; none for programs that stand outside the layers."""
    folder = path.parts[0]
    if folder == "tests" and len(path.parts) > 2 and path.parts[1] in LAYERS:
        return path.parts[1]
    return folder if folder in LAYERS else None


def check_project_include(root, path, included):
    folder = included.split("/")[0]
    if not (root / included).is_file() and not (root / "tests" / included).is_file():
        return f'"{included}" is no file of this tree; include by the path from the root'
    layer = layer_of(path)
    if layer is None or folder == layer or folder not in LAYERS:
        return None
    if folder in LAYERS[layer]:
        return None
    allowed = ", ".join([layer] + LAYERS[layer])
    return f'{layer} must not include "{included}"; it may include {allowed}'


def check_library_include(path, included):
    layer = layer_of(path)
    for prefix, folders in PRIVATE_LIBRARIES.items():
        if not included.startswith(prefix) or layer is None or layer in folders:
            continue
        if path.parts[0] == "tests":
            continue
        return f'{layer} must not include <{included}>; it is private to {" and ".join(folders)}'
    return None


def check_file(root, path):
    """Yields "file:line: what is wrong" for each include that points the wrong way."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, included = match.groups()
        if quote == '"':
            problem = check_project_include(root, path, included)
        else:
            problem = check_library_include(path, included)
        if problem:
            yield f"{path}:{number}: {problem}"


def sources(root):
    for folder in [*LAYERS, "tests", "bench", "fuzz"]:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(root)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    problems = [problem for path in sources(root) for problem in check_file(root, path)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
