"""Stand-ins of trackers, as far as tickets need them: in this process, for any repository or project."""

import dataclasses
import http.server
import json
import re
import threading
import time
import urllib.parse


@dataclasses.dataclass
class Issue:
    number: int
    place: str  # repository or project
    title: str
    body: str
    labels: list
    assignee: str = ""
    is_open: bool = True
    comments: list = dataclasses.field(default_factory=list)


class StandIn:
    """What all of them do. `next_creates` says what to do with the next creates: an HTTP status, or
    a function to call before the answer. Each write is answered `delay` seconds after it was carried
    out. A subclass has `routes`: (method, pattern of the path, name of the function that is called
    with the request and what the pattern's groups matched)."""

    url = "http://127.0.0.1:8098"
    secret_header = "Authorization"

    def __init__(self, delay=0):
        self.issues, self.next_creates, self.secrets = [], [], set()
        self.creates, self.writes = 0, 0
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                stand_in.secrets.add(self.headers[stand_in.secret_header])
                status, reply = stand_in.handle(self)
                text = json.dumps(reply).encode() if reply is not None else b""
                if self.command != "GET":
                    stand_in.writes += 1
                    time.sleep(delay)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:  # whoever asked was killed
                    pass

            do_GET = do_POST = do_PATCH = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 8098), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, request):
        path, _, query = request.path.partition("?")
        request.query = {k: v[0] for k, v in urllib.parse.parse_qs(query).items()}
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        request.json = json.loads(body or "{}")
        for method, pattern, name in self.routes:
            match = re.fullmatch(pattern, path)
            if match and method == request.command:
                return getattr(self, name)(request, *map(urllib.parse.unquote, match.groups()))
        raise AssertionError(f"{request.command} {request.path} is not of this tracker")

    def add(self, **what):
        """(status, issue): as the next of `next_creates` says."""
        self.creates += 1
        order = self.next_creates.pop(0) if self.next_creates else None
        if isinstance(order, int):
            return order, None
        self.issues.append(Issue(number=len(self.issues) + 1, **what))
        if order:
            order()
        return 201, self.issues[-1]

    def newest_labelled(self, place):
        found = [i for i in self.issues if i.place == place and "postern" in i.labels]
        return found[::-1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Numbered(StandIn):
    """A tracker whose issues have numbers within a repository."""

    def list(self, request, repository):
        assert (request.query["labels"], request.query["state"]) == ("postern", "all")
        size, page = int(request.query["per_page"]), int(request.query["page"])
        found = self.newest_labelled(repository)[size * (page - 1) : size * page]
        return 200, [self.shown(issue) for issue in found]

    def get(self, _request, _repository, number):
        return 200, self.shown(self.issues[int(number) - 1])

    def comment(self, request, _repository, number):
        self.issues[int(number) - 1].comments.append(request.json["body"])
        return 201, {"id": 1}


class Github(Numbered):
    ISSUES = r"/repos/([^/]+/[^/]+)/issues"
    routes = [
        ("POST", ISSUES, "create"),
        ("GET", ISSUES, "list"),
        ("GET", ISSUES + r"/(\d+)", "get"),
        ("PATCH", ISSUES + r"/(\d+)", "change"),
        ("POST", ISSUES + r"/(\d+)/comments", "comment"),
    ]

    @staticmethod
    def receiver(token_file):
        return (
            f"system: github, url: '{Github.url}', token_file: {token_file}, repository: sec/exposure,"
            " owners: {web-platform: {repository: web/exposure, assignee: wanda}}"
        )

    @staticmethod
    def shown(issue):
        state = "open" if issue.is_open else "closed"
        labels = [{"name": label} for label in issue.labels]
        return {
            "number": issue.number,
            "state": state,
            "title": issue.title,
            "body": issue.body,
            "labels": labels,
        }

    def create(self, request, repository):
        sent = request.json
        status, issue = self.add(
            place=repository,
            title=sent["title"],
            body=sent["body"],
            labels=sent["labels"],
            assignee=" ".join(sent.get("assignees", [])),
        )
        return status, self.shown(issue) if issue else {}

    def change(self, request, repository, number):
        self.issues[int(number) - 1].is_open = request.json["state"] == "open"
        return self.get(request, repository, number)


class Gitlab(Numbered):
    secret_header = "PRIVATE-TOKEN"
    ISSUES = r"/api/v4/projects/([^/]+)/issues"
    routes = [
        ("POST", ISSUES, "create"),
        ("GET", ISSUES, "list"),
        ("GET", ISSUES + r"/(\d+)", "get"),
        ("PUT", ISSUES + r"/(\d+)", "change"),
        ("POST", ISSUES + r"/(\d+)/notes", "comment"),
    ]

    @staticmethod
    def receiver(token_file):
        return (
            f"system: gitlab, url: '{Gitlab.url}', token_file: {token_file}, repository: sec/exposure,"
            " owners: {web-platform: {repository: web/exposure, assignee: '7'}}"
        )

    @staticmethod
    def shown(issue):
        state = "opened" if issue.is_open else "closed"
        return {
            "id": 900,
            "iid": issue.number,
            "state": state,
            "description": issue.body,
            "labels": issue.labels,
        }

    def create(self, request, project):
        sent = request.json
        status, issue = self.add(
            place=project,
            title=sent["title"],
            body=sent["description"],
            labels=sent["labels"].split(","),
            assignee=" ".join(map(str, sent.get("assignee_ids", []))),
        )
        return status, self.shown(issue) if issue else {}

    def change(self, request, project, iid):
        self.issues[int(iid) - 1].is_open = {"close": False, "reopen": True}[
            request.json["state_event"]
        ]
        return self.get(request, project, iid)


class Jira(StandIn):
    """Of the cloud, by its REST API version 2."""

    ISSUE = r"/rest/api/2/issue"
    routes = [
        ("POST", ISSUE, "create"),
        ("GET", r"/rest/api/2/search/jql", "list"),
        ("GET", ISSUE + r"/[A-Z]+-(\d+)", "get"),
        ("GET", ISSUE + r"/[A-Z]+-(\d+)/transitions", "transitions"),
        ("POST", ISSUE + r"/[A-Z]+-(\d+)/transitions", "change"),
        ("POST", ISSUE + r"/[A-Z]+-(\d+)/comment", "comment"),
    ]
    TRANSITIONS = {"11": "new", "21": "indeterminate", "31": "done"}

    @staticmethod
    def receiver(token_file):
        return (
            f"system: jira, url: '{Jira.url}', token_file: {token_file}, project: SEC,"
            " owners: {web-platform: {project: WEB, assignee: '5b10ac', component: edge}}"
        )

    @staticmethod
    def shown(issue):
        category = "new" if issue.is_open else "done"
        return {
            "key": f"{issue.place}-{issue.number}",
            "fields": {
                "status": {"statusCategory": {"key": category}},
                "description": issue.body,
            },
        }

    def create(self, request):
        fields = request.json["fields"]
        assert fields["issuetype"] == {"name": "Task"}
        status, issue = self.add(
            place=fields["project"]["key"],
            title=fields["summary"],
            body=fields["description"],
            labels=fields["labels"],
            assignee=fields.get("assignee", {}).get("accountId", ""),
        )
        return status, {"id": "10000", "key": self.shown(issue)["key"]} if issue else {}

    def list(self, request):
        (project,) = re.findall(r'^project = "(\w+)" AND labels = postern ', request.query["jql"])
        size, start = int(request.query["maxResults"]), int(request.query.get("nextPageToken", 0))
        issues = self.newest_labelled(project)
        page = {"issues": [self.shown(issue) for issue in issues[start : start + size]]}
        if start + size < len(issues):
            page["nextPageToken"] = str(start + size)
        return 200, page

    def get(self, _request, number):
        return 200, self.shown(self.issues[int(number) - 1])

    def transitions(self, _request, _number):
        return 200, {
            "transitions": [
                {"id": number, "to": {"statusCategory": {"key": key}}}
                for number, key in self.TRANSITIONS.items()
            ]
        }

    def change(self, request, number):
        to = self.TRANSITIONS[request.json["transition"]["id"]]
        self.issues[int(number) - 1].is_open = to != "done"
        return 204, None

    def comment(self, request, number):
        self.issues[int(number) - 1].comments.append(request.json["body"])
        return 201, {"id": "1"}
