"""A host made of raw frames: each of its TCP ports answers a SYN in a way of its own.

usage: raw_host.py DEVICE ADDRESS...

It answers ARP and neighbour discovery for its addresses, whatever the kernel around it does.
PORTS says what a connect(2) to each port makes of the answer, over IPv4 and over IPv6.
"""

import ipaddress
import socket
import struct
import sys
import time

FIN, SYN, RST, ACK, URG, ECE, CWR = 1, 2, 4, 16, 32, 64, 128
TCP, ICMP, ICMP6 = 6, 1, 58
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
MORE_FRAGMENTS, DONT_FRAGMENT = 0x2000, 0x4000
SOLICITATION, ADVERTISEMENT = 135, 136
PADDING = bytes([1, 4, 0, 0, 0, 0])


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def patched(data, at, number):
    return data[:at] + struct.pack("!H", number) + data[at + 2 :]


def pseudo_header(source, target, protocol, size):
    if source.version == 4:
        return source.packed + target.packed + struct.pack("!BBH", 0, protocol, size)
    return source.packed + target.packed + struct.pack("!IHBB", size, 0, 0, protocol)


def ip_packet(source, target, protocol, body, hop_limit=64, **wrong):
    """`wrong`: options and fragment field of an IPv4 header, the headers that extend an IPv6 one as
    a list of (type, bytes after the next-header field), or how much its numbers are off."""
    if source.version == 4:
        options = wrong.get("options", b"")
        words = 5 + len(options) // 4
        header = struct.pack(
            "!BBHHHBBH",
            *(0x40 | words, 0, words * 4 + len(body) + wrong.get("longer", 0), 7),
            *(wrong.get("fragment", DONT_FRAGMENT), hop_limit, protocol, 0),
        )
        header += source.packed + target.packed + options
        return patched(header, 10, checksum(header) ^ wrong.get("header_sum", 0)) + body
    following = protocol
    for kind, content in reversed(wrong.get("extensions", [])):
        body = bytes([following]) + content + body
        following = kind
    size = len(body) + wrong.get("longer", 0)
    return struct.pack("!IHBB", 6 << 28, size, following, hop_limit) + (
        source.packed + target.packed + body
    )


class Question:
    """One SYN, and the ways to answer it."""

    def __init__(self, host, link, packet, segment):
        self.host, self.link, self.packet = host, link, packet
        version = packet[0] >> 4
        addresses = packet[12:20] if version == 4 else packet[8:40]
        half = len(addresses) // 2
        self.version = version
        self.peer = ipaddress.ip_address(addresses[:half])
        self.own = ipaddress.ip_address(addresses[half:])
        self.peer_port, self.own_port, self.sequence = struct.unpack("!HHI", segment[:8])

    def say(self, flags, acknowledges=1, number=1000, data=b"", off=0, window=64240, **wrong):
        header = struct.pack(
            "!HHIIBBHHH",
            *(self.own_port, self.peer_port, number),
            *((self.sequence + acknowledges) % 2**32 if flags & ACK else 0, 5 << 4, flags),
            *(window, 0, 0),
        )
        segment = header + data
        right = checksum(pseudo_header(self.own, self.peer, TCP, len(segment)) + segment)
        self.send(TCP, patched(segment, 16, right ^ off), **wrong)

    def send(self, protocol, body, tag=None, link=None, sender=None, **wrong):
        packet = ip_packet(sender or self.own, self.peer, protocol, body, **wrong)
        kind = b"\x08\x00" if self.version == 4 else b"\x86\xdd"
        tagged = b"" if tag is None else struct.pack("!HH", 0x8100, tag)
        self.host.socket.send((link or self.link) + self.host.link + tagged + kind + packet)

    def refuse(self, ipv4, ipv6, off=0, **wrong):
        """An ICMP error of the type and code of the family."""
        kind, code = ipv4 if self.version == 4 else ipv6
        protocol = ICMP if self.version == 4 else ICMP6
        body = struct.pack("!BBHI", kind, code, 0, 0) + self.packet
        before = pseudo_header(self.own, self.peer, ICMP6, len(body)) if self.version == 6 else b""
        self.send(protocol, patched(body, 2, checksum(before + body) ^ off), **wrong)

    def later(self, answer):
        time.sleep(0.02)
        answer()


def behind(options, *extensions):
    """A SYN-ACK behind IPv4 options or IPv6 extension headers."""
    return lambda q: q.say(SYN | ACK, options=options, extensions=extensions)


def opened_then_reset(q):
    q.say(SYN | ACK)
    q.say(RST, number=1001)


def reset_then_opened(q):
    q.say(RST | ACK, number=0)
    q.later(lambda: q.say(SYN | ACK))


def unreachable_then_opened(q):
    q.refuse((3, 1), (1, 3))
    q.later(lambda: q.say(SYN | ACK))


def opened_many_times(q):
    for _ in range(200):
        q.say(SYN | ACK)


def in_one(header, *answer):
    return lambda q: q.say(*answer, extensions=[header], fragment=MORE_FRAGMENTS)


OPEN, CLOSED, SILENT = ("open",) * 2, ("closed",) * 2, ("filtered",) * 2
ROUTER_ALERT, RECORD_ROUTE = b"\x94\x04\x00\x00", b"\x07\x07\x04\x00\x00\x00\x00\x00"
LOOSE_SOURCE_ROUTE, CUT_OPTION = b"\x83\x07\x08\xc0\x00\x02\x01\x00", b"\x44\x28\x05\x00"

# What connect(2) says over IPv4 and IPv6, and the answer.
PORTS = {
    1: (OPEN, lambda q: q.say(SYN | ACK)),
    2: (CLOSED, lambda q: q.say(RST | ACK, number=0)),
    # Headers that a host reads on behind.
    3: (OPEN, behind(ROUTER_ALERT, (DESTINATION, b"\0" + PADDING))),
    4: (OPEN, behind(RECORD_ROUTE, (HOP_BY_HOP, b"\0" + PADDING))),
    5: (OPEN, behind(b"\1\1\1\0", (FRAGMENT, bytes(3) + b"\0\0\0\x09"))),  # RFC 6946
    6: (OPEN, behind(b"", (ROUTING, bytes(7)))),
    7: (
        OPEN,
        behind(b"", (HOP_BY_HOP, b"\0" + PADDING), (DESTINATION, b"\0" + PADDING)),
    ),
    # And those at which it drops the packet.
    10: (SILENT, behind(LOOSE_SOURCE_ROUTE, (ROUTING, bytes([2, 4, 1, 0, 0, 0, 0]) + bytes(16)))),
    11: (SILENT, behind(CUT_OPTION, (DESTINATION, bytes([0, 0xDE, 4, 0, 0, 0, 0])))),
    12: (SILENT, in_one((FRAGMENT, bytes(2) + b"\1\0\0\0\x09"), SYN | ACK)),  # more to come
    13: (SILENT, in_one((FRAGMENT, bytes(2) + b"\1\0\0\0\x09"), RST | ACK)),
    # Damaged.
    20: (SILENT, lambda q: q.say(SYN | ACK, off=0x5555)),
    21: (SILENT, lambda q: q.say(RST | ACK, off=0x5555)),
    22: (SILENT, lambda q: q.say(SYN | ACK, header_sum=0x1111, longer=8 * (q.version == 6))),
    23: (SILENT, lambda q: q.say(SYN | ACK, longer=8)),
    24: (SILENT, lambda q: q.refuse((3, 13), (1, 1), off=0x5555)),
    # Not for this machine.
    30: (SILENT, lambda q: q.say(SYN | ACK, tag=5)),
    31: (OPEN, lambda q: q.say(SYN | ACK, tag=0xE000)),  # a priority, and no VLAN
    32: (SILENT, lambda q: q.say(SYN | ACK, link=b"\x02\0\0\0\x77\x77")),
    33: (SILENT, lambda q: q.say(RST | ACK, link=b"\xff" * 6)),
    # Odd, and as good as any.
    40: (OPEN, lambda q: q.say(SYN | ACK | ECE | CWR, data=b"hello")),
    41: (OPEN, lambda q: q.say(SYN | ACK | FIN)),
    42: (OPEN, lambda q: q.say(SYN | ACK | URG, window=0)),
    43: (OPEN, lambda q: q.say(SYN | ACK, number=2**32 - 1)),
    44: (OPEN, opened_many_times),
    45: (OPEN, opened_then_reset),
    46: (CLOSED, reset_then_opened),
    47: (CLOSED, lambda q: q.say(RST | SYN | ACK, number=0)),
    # No answers to this SYN.
    50: (SILENT, lambda q: q.say(RST, number=0)),
    51: (SILENT, lambda q: q.say(RST | ACK, acknowledges=0, number=0)),
    52: (SILENT, lambda q: q.say(SYN | ACK, acknowledges=0)),
    53: (SILENT, lambda q: q.say(ACK, acknowledges=424242)),
    54: (SILENT, lambda q: q.say(SYN)),  # anybody can send that
    55: (SILENT, lambda q: q.say(FIN | ACK)),
    56: (SILENT, lambda q: None),
    # Errors.
    60: (SILENT, lambda q: q.refuse((3, 13), (1, 1))),
    61: (
        SILENT,
        lambda q: q.refuse(
            (3, 13), (1, 1), options=ROUTER_ALERT, extensions=[(HOP_BY_HOP, b"\0" + PADDING)]
        ),
    ),
    62: (SILENT, unreachable_then_opened),
    63: (SILENT, lambda q: q.refuse((11, 0), (3, 0))),
    64: (SILENT, lambda q: q.refuse((3, 4), (2, 0))),
    65: (SILENT, lambda q: q.refuse((12, 0), (4, 0))),
}


class RawHost:
    def __init__(self, device, addresses):
        self.addresses = {ipaddress.ip_address(address) for address in addresses}
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((device, 0))
        self.link = self.socket.getsockname()[4]

    def serve(self):
        while True:
            frame, source = self.socket.recvfrom(65535)
            if source[2] == socket.PACKET_OUTGOING:
                continue
            kind, packet = frame[12:14], frame[14:]
            if kind == b"\x08\x06":
                self.resolve(packet)
            elif kind == b"\x08\x00" and packet[9] == TCP:
                self.answer(frame[6:12], packet, (packet[0] & 15) * 4)
            elif kind == b"\x86\xdd" and packet[6] == TCP:
                self.answer(frame[6:12], packet, 40)
            elif kind == b"\x86\xdd" and packet[6] == ICMP6 and packet[40] == SOLICITATION:
                self.advertise(frame[6:12], packet)

    def resolve(self, request):
        if request[6:8] != b"\0\1" or ipaddress.ip_address(request[24:28]) not in self.addresses:
            return
        reply = request[:6] + b"\0\2" + self.link + request[24:28] + request[8:18]
        self.socket.send(request[8:14] + self.link + b"\x08\x06" + reply)

    def advertise(self, link, packet):
        asker, wanted = (ipaddress.ip_address(packet[a : a + 16]) for a in (8, 48))
        if wanted not in self.addresses:
            return
        body = struct.pack("!BBHI", ADVERTISEMENT, 0, 0, 0x60000000)
        body += wanted.packed + b"\2\1" + self.link
        body = patched(body, 2, checksum(pseudo_header(wanted, asker, ICMP6, len(body)) + body))
        reply = ip_packet(wanted, asker, ICMP6, body, hop_limit=255)
        self.socket.send(link + self.link + b"\x86\xdd" + reply)

    def answer(self, link, packet, header):
        at, more = (4, 40) if packet[0] >> 4 == 6 else (2, 0)
        size = more + int.from_bytes(packet[at : at + 2], "big")
        packet = packet[:size]
        question = Question(self, link, packet, packet[header:])
        if question.own not in self.addresses or packet[header + 13] & 0x3F != SYN:
            return
        _, answer = PORTS.get(question.own_port, PORTS[2])
        answer(question)


if __name__ == "__main__":
    host = RawHost(sys.argv[1], sys.argv[2:])
    print("ready", flush=True)
    host.serve()
