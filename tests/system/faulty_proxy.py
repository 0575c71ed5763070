"""Stands in front of a tracker and does to its requests what networks and trackers do."""

import http.server
import threading
import time
import urllib.error
import urllib.request


class FaultyProxy:
    """Passes everything on to `target`, but for the requests that change something, each of which
    takes the next of `faults` away: what to do with it. `requests` tells (method, path) of those."""

    url = "http://127.0.0.1:8097"

    def __init__(self, target):
        self.target, self.faults, self.requests = target, [], []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = None
                if self.command != "GET":
                    proxy.requests.append((self.command, self.path))
                    fault = proxy.faults.pop(0) if proxy.faults else None
                (fault or passed)(self, lambda: proxy.forward(self, body))

            do_GET = do_POST = do_PUT = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 8097), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forward(self, handler, body):
        headers = {k: v for k, v in handler.headers.items() if k not in ("Host", "Connection")}
        request = urllib.request.Request(
            self.target + handler.path, data=body or None, headers=headers, method=handler.command
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def reply(handler, status, body=b"", **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    try:
        handler.wfile.write(body)
    except OSError:  # whoever asked has gone
        pass


def passed(handler, forward):
    reply(handler, *forward())


def limited(handler, _):
    """Asked too often: nothing was done."""
    reply(handler, 429, Retry_After="3")


def failed(handler, forward):
    """Carried out, and then something in front of the tracker failed."""
    forward()
    reply(handler, 502, b"<html>Bad Gateway</html>")


def cut(handler, forward):
    """Carried out, and the connection is gone."""
    forward()
    handler.close_connection = True


def garbled(handler, forward):
    """Carried out, and the answer is not what it should be."""
    forward()
    reply(handler, 201, b"\x00\xff{[")


def slow(handler, forward):
    """Carried out, and answered when nobody waits any more."""
    answer = forward()
    time.sleep(12)
    reply(handler, *answer)


def then(action):
    """Carried out; `action` comes before the answer."""

    def fault(handler, forward):
        answer = forward()
        action()
        reply(handler, *answer)

    return fault
