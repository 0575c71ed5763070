"""Tickets at stand-ins of trackers that hold each request against the published description of the
tracker's API. Run by scripts/test-tickets.sh, which fetches those."""

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, RefResolver
from lab import wait_for
from servers import start_redis
from test_tickets import POLICY, receiver, web  # noqa: F401
from trackers import Github, Gitlab, Jira


@dataclasses.dataclass
class Case:
    tracker: type
    file: str
    operations: set
    # Where the newest description that can be had is of another version of the API: how its paths
    # differ, and what that version lacks.
    paths: tuple = ("", "")
    lacks: set = dataclasses.field(default_factory=set)


CASES = [
    Case(
        tracker=Github,
        file="api.github.com.json",
        operations={
            "issues/list-for-repo",
            "issues/create",
            "issues/get",
            "issues/update",
            "issues/create-comment",
        },
    ),
    Case(
        tracker=Gitlab,
        file="gitlab.com.json",
        operations={
            "getV3ProjectsIdIssues",
            "postV3ProjectsIdIssues",
            "getV3ProjectsIdIssuesIssueId",
            "putV3ProjectsIdIssuesIssueId",
            "postV3ProjectsIdIssuesNoteableIdNotes",
        },
        paths=("/api/v4/", "/v3/"),
        lacks={"no parameter scope", "no field assignee_ids"},
    ),
    Case(
        tracker=Jira,
        file="jira.json",
        operations={
            "searchForIssuesUsingJql",
            "createIssue",
            "getIssue",
            "getTransitions",
            "doTransition",
            "addComment",
        },
        paths=("/rest/api/2/(search)?(/jql)?", r"/rest/api/3/\1"),
    ),
]


def with_null(schema):
    """OpenAPI 3.0's `nullable` as JSON Schema has it, all the way down."""
    if isinstance(schema, list):
        return [with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: with_null(value) for key, value in schema.items()}
    if schema.pop("nullable", None) is not True:
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


class Description:
    """An OpenAPI 3.0 document."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = with_null(json.load(file))
        self.resolver = RefResolver("", self.document)

    def operation(self, method, path):
        """The name of the operation, and what the document says of it."""
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", template)
            if method.lower() in operations and re.fullmatch(pattern, path):
                operation = operations[method.lower()]
                return operation["operationId"], operation
        return None, None

    def resolved(self, node):
        return self.resolver.resolve(node["$ref"])[1] if "$ref" in node else node

    def problems(self, schema, value):
        validator = Draft4Validator(schema, resolver=self.resolver)
        return [error.message[:300] for error in validator.iter_errors(value)]

    def problems_of_query(self, operation, query):
        parameters = [self.resolved(each) for each in operation.get("parameters", [])]
        known = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        for name, text in query.items():
            if name not in known:
                yield f"no parameter {name}"
                continue
            of_type = {"integer": int, "array": lambda text: text.split(",")}
            value = of_type.get(known[name].get("type"), str)(text)
            yield from self.problems(known[name], value)

    def problems_of_body(self, operation, body):
        (content, *_) = self.resolved(operation["requestBody"])["content"].values()
        known = self.resolved(content["schema"])["properties"]
        unknown = set(body) - set(known)
        return [f"no field {name}" for name in unknown] + self.problems(content["schema"], body)

    def example(self, operation, status):
        """What the description has as the answer; None: nothing."""
        response = self.resolved(operation["responses"].get(str(status), {}))
        content = response.get("content", {}).get("application/json", {})
        examples = [self.resolved(each)["value"] for each in content.get("examples", {}).values()]
        return examples[0] if examples else None


def like(example, answer):
    """The answer with what else the example has."""
    if isinstance(example, list) and isinstance(answer, list):
        # GitHub's is of a pull request, which a list of issues has too.
        return [like(example[0], each) for each in answer] + example
    if isinstance(example, dict) and isinstance(answer, dict):
        return {**{k: v for k, v in example.items() if k != "pull_request"}, **answer}
    return answer


def described(case):
    """The stand-in, with what it noticed."""

    class Described(case.tracker):
        def __init__(self):
            folder = Path(os.environ["POSTERN_API_DESCRIPTIONS"])
            self.description = Description(folder / case.file)
            self.operations, self.problems = set(), set()
            super().__init__()

        def handle(self, request):
            path = re.sub(*case.paths, request.path.partition("?")[0], count=1)
            name, operation = self.description.operation(request.command, path)
            assert operation, path
            self.operations.add(name)
            status, answer = super().handle(request)
            self.problems.update(self.description.problems_of_query(operation, request.query))
            if request.command != "GET":
                self.problems.update(self.description.problems_of_body(operation, request.json))
            return status, like(self.description.example(operation, status), answer)

    return Described()


@pytest.fixture(params=CASES, ids=lambda case: case.tracker.__name__)
def case(request):
    return request.param


@pytest.fixture
def tracker(network, case):
    tracker = described(case)
    yield tracker
    tracker.close()


def test_it_speaks_as_the_description_says(lab, web, case, tracker, make_daemon):  # noqa: F811
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab, case.tracker)]).start()
    redis = start_redis(web, addresses=[web.ipv4])
    daemon.wait_for_finding(state="open", port=6379)
    (issue,) = wait_for("a ticket", lambda: tracker.issues, timeout=30)
    redis.stop()
    wait_for("closed", lambda: not issue.is_open, timeout=30)
    start_redis(web, addresses=[web.ipv4])
    wait_for("open again", lambda: issue.is_open, timeout=30)
    wait_for("all is told", lambda: daemon.metric("postern_outbox_pending", receiver="hub") == 0)
    assert tracker.problems == case.lacks
    assert tracker.operations == case.operations
    assert len(tracker.issues) == 1
