"""A forward proxy in this process, with a login: CONNECT, and requests in absolute form."""

import base64
import socket
import threading
import urllib.parse


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class ForwardProxy:
    """Resolves the names in `hosts` itself, and everything else not at all. `requests` are the first
    lines of what it passed on, `refused` of what it did not."""

    PASSWORD = "open sesame"

    def __init__(self, hosts, port=3128):
        self.hosts, self.requests, self.refused = hosts, [], []
        self.url = f"http://127.0.0.1:{port}"
        login = base64.b64encode(f"postern:{self.PASSWORD}".encode()).decode()
        self.authorization = f"proxy-authorization: basic {login}".lower()
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                self.pass_on(client)
            except OSError:  # whoever asked was killed, or the server is not there
                pass

    def pass_on(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        head, _, rest = head.partition(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        if self.authorization not in (header.lower() for header in headers):
            self.refused.append(first)
            client.sendall(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        method, target, version = first.split(" ")
        url = urllib.parse.urlsplit("//" + target if method == "CONNECT" else target)
        self.requests.append(first)
        with socket.create_connection((self.hosts[url.hostname], url.port)) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Go\r\n\r\n")
            else:
                kept = [h for h in headers if not h.lower().startswith("proxy-")]
                path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
                lines = [f"{method} {path} {version}", *kept]
                rest = "\r\n".join(lines).encode() + b"\r\n\r\n" + rest
            server.sendall(rest)
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
