"""Tickets at a stand-in of GitHub that holds each request against GitHub's published description of its
API, and answers with the examples there. Run by scripts/test-tickets.sh, which fetches it."""

import json
import os
import re

import pytest
from jsonschema import Draft4Validator, RefResolver
from lab import wait_for
from servers import start_redis
from test_tickets import POLICY, receiver, web  # noqa: F401
from trackers import Github


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
            value = int(text) if known[name].get("type") == "integer" else text
            yield from self.problems(known[name], value)

    def problems_of_body(self, operation, body):
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        unknown = set(body) - set(schema["properties"])
        return [f"no field {name}" for name in unknown] + self.problems(schema, body)

    def example(self, operation, status):
        content = self.resolved(operation["responses"][str(status)])["content"]["application/json"]
        (example, *_) = content["examples"].values()
        return self.resolved(example)["value"]


class DescribedGithub(Github):
    def __init__(self, description):
        self.description, self.operations, self.problems = description, set(), []
        super().__init__()

    def handle(self, request):
        name, operation = self.description.operation(request.command, request.path.partition("?")[0])
        assert operation, request.path
        self.operations.add(name)
        status, answer = super().handle(request)
        self.problems += self.description.problems_of_query(operation, request.query)
        if request.command != "GET":
            self.problems += self.description.problems_of_body(operation, request.json)
        example = self.description.example(operation, status)
        if isinstance(answer, list):
            # The description's own example is of a pull request, which a list of issues has too.
            answer = [self.like(example[0], each) for each in answer] + example
        else:
            answer = self.like(example, answer)
        return status, answer

    @staticmethod
    def like(example, issue):
        return {**{k: v for k, v in example.items() if k != "pull_request"}, **issue}


@pytest.fixture
def github(network):
    github = DescribedGithub(Description(os.environ["POSTERN_GITHUB_DESCRIPTION"]))
    yield github
    github.close()


def test_it_speaks_to_github_as_github_describes_it(lab, web, github, make_daemon):  # noqa: F811
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab)]).start()
    redis = start_redis(web, addresses=[web.ipv4])
    daemon.wait_for_finding(state="open", port=6379)
    (issue,) = wait_for("a ticket", lambda: github.issues, timeout=30)
    redis.stop()
    wait_for("closed", lambda: not issue.is_open, timeout=30)
    start_redis(web, addresses=[web.ipv4])
    wait_for("open again", lambda: issue.is_open, timeout=30)
    wait_for("all is told", lambda: daemon.metric("postern_outbox_pending", receiver="hub") == 0)
    assert github.problems == []
    assert github.operations == {
        "issues/list-for-repo",
        "issues/create",
        "issues/get",
        "issues/update",
        "issues/create-comment",
    }
    assert len(github.issues) == 1
