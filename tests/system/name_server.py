"""A DNS server on 127.0.0.1 whose answers a test changes as it goes: names in lower case to the
addresses of each family, or to an error."""

import ipaddress
import socket
import struct
import threading

TYPES = {1: 4, 28: 6}  # A, AAAA: the version of the addresses
ERRORS = {"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


class NameServer:
    """`zone[name]` is a list of addresses of both families, and `failing[name]` or
    `failing[name, 6]` an error of all its records or of one family's; what is in neither is
    NXDOMAIN."""

    def __init__(self):
        self.zone, self.failing = {}, {}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.closing = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"", ("127.0.0.1", 53))
        self.thread.join()
        self.socket.close()

    closing = False

    def serve(self):
        while not self.closing:
            query, client = self.socket.recvfrom(4096)
            if len(query) > 12:
                self.socket.sendto(self.reply(query), client)

    def reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += query[at] + 1
        name = ".".join(labels)
        self.asked.append(name)
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        version = TYPES.get(kind)
        code, records = self.answer(name.lower(), version)
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        body = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(one)) + one for one in records
        )
        return head + query[12 : at + 5] + body

    def answer(self, name, version):
        error = self.failing.get((name, version)) or self.failing.get(name)
        if error:
            return ERRORS[error], []
        if name not in self.zone:
            return ERRORS["NXDOMAIN"], []
        addresses = map(ipaddress.ip_address, self.zone[name])
        return 0, [one.packed for one in addresses if one.version == version]
