"""What prometheus/ gives to Prometheus, Alertmanager and Grafana: it is valid, it names metrics and
labels that posternd exports, and each alert is tested and has a runbook."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GIVEN = ROOT / "prometheus"
RULE_FILES = sorted(GIVEN.glob("*.rules.yml"))
RULE_TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))

# Kinds of drift that the health rules tell of, by metrics.
TOLD_BY_HEALTH = {"coverage_stale", "viewpoint_blind"}

SELECTOR = re.compile(r"(?<![:\w])((?:postern|process)_\w+)(?![:\w])(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
RECORDED = re.compile(r"\w+(?::\w+)+")
# In a scrape or a rule they come from Prometheus itself.
TARGET_LABELS = {"job", "instance"}


def tool(*arguments):
    result = subprocess.run(
        [str(a) for a in arguments], cwd=GIVEN, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def rules(kind):
    """The rules of all files that have the key `kind`: alert or record."""
    groups = [g for path in RULE_FILES for g in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def dashboard():
    return json.loads((GIVEN / "postern-dashboard.json").read_text())


def dashboard_queries():
    """The queries of all panels, with values in the place of Grafana's variables."""
    queries = [t["expr"] for panel in dashboard()["panels"] for t in panel.get("targets", [])]
    return [q.replace("$__rate_interval", "5m") for q in queries]


def variable_queries():
    variables = dashboard()["templating"]["list"]
    return [v["query"]["query"] for v in variables if v["type"] == "query"]


def documented_metrics():
    """The labels of each metric of docs/metrics.md, which a unit test compares with a scrape."""
    table = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)
    metrics = {}
    for name, kind, labels in table.findall((ROOT / "docs/metrics.md").read_text()):
        named = set(re.findall(r"`(\w+)`", labels))
        suffixes = ("_sum", "_count", "_bucket") if kind == "histogram" else ("",)
        metrics.update({name + suffix: named for suffix in suffixes})
    return metrics


def test_promtool_accepts_the_rules():
    tool("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(path):
    tool("promtool", "test", "rules", path)


def test_each_alert_is_seen_to_fire_and_to_keep_quiet():
    fires, quiet = set(), set()
    for path in RULE_TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["alert_rule_test"]:
                (fires if check["exp_alerts"] else quiet).add(check["alertname"])
    names = {rule["alert"] for rule in rules("alert")}
    assert names - fires == set()
    assert names - quiet == set()


def test_the_examples_are_valid():
    tool("promtool", "check", "config", GIVEN / "scrape.example.yml")
    tool("amtool", "check-config", GIVEN / "alertmanager.example.yml")


def test_the_inhibitions_name_alerts_that_exist():
    example = (GIVEN / "alertmanager.example.yml").read_text()
    names = {rule["alert"] for rule in rules("alert")}
    assert set(re.findall(r"Postern\w+", example)) - names == set()


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule):
    assert rule["labels"].keys() == {"severity"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
    runbook = (ROOT / rule["annotations"]["runbook"]).read_text()
    assert runbook.startswith(f"# {rule['alert']}\n")
    assert "\n## Do\n" in runbook


def test_no_alert_twice_and_no_runbook_without_an_alert():
    names = sorted(rule["alert"] for rule in rules("alert"))
    assert names == sorted(path.stem for path in (ROOT / "docs/runbooks").glob("*.md"))


def test_each_kind_of_drift_has_an_alert():
    table = re.compile(r"^\| `(\w+)` \| .*\| (?:critical|warning|info)", re.MULTILINE)
    kinds = set(table.findall((ROOT / "docs/findings.md").read_text()))
    assert "unexpected_open" in kinds
    expressions = " ".join(rule["expr"] for rule in rules("alert"))
    alerted = set(re.findall(r'kind="(\w+)"', expressions))
    assert kinds - alerted - TOLD_BY_HEALTH == set()
    assert alerted & TOLD_BY_HEALTH == set()


def test_metrics_and_labels_are_those_of_posternd():
    metrics = documented_metrics()
    expressions = [rule["expr"] for rule in rules("alert") + rules("record")]
    wrong = []
    for expression in expressions + dashboard_queries() + variable_queries():
        for name, matchers in SELECTOR.findall(expression):
            labels = set(MATCHER.findall(matchers)) - TARGET_LABELS
            if name not in metrics or labels - metrics[name]:
                wrong.append((name, sorted(labels)))
    assert wrong == []


def test_each_recording_is_used():
    uses = {name for query in dashboard_queries() for name in RECORDED.findall(query)}
    uses |= {name for rule in rules("alert") for name in RECORDED.findall(rule["expr"])}
    assert {rule["record"] for rule in rules("record")} == uses


def test_the_dashboards_queries_are_promql(tmp_path):
    checks = [{"record": f"query:{n}", "expr": q} for n, q in enumerate(dashboard_queries())]
    path = tmp_path / "dashboard.rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": checks}]}))
    tool("promtool", "check", "rules", path)


def test_the_dashboard_is_one_that_grafana_takes():
    board = dashboard()
    assert board["schemaVersion"] >= 36  # Grafana 9
    assert board["title"] and board["uid"] and board["id"] is None
    variables = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\b", json.dumps(board["panels"])))
    assert used == variables

    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    cells = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24 and (x, y) not in cells, f"{panel['title']} lies over another"
                cells.add((x, y))
        for query in panel.get("targets", []):
            assert query["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        references = [query["refId"] for query in panel.get("targets", [])]
        assert len(references) == len(set(references))
