#!/usr/bin/python3
"""Listens on TCP ports of every address, over IPv4 and IPv6, and closes each connection at once.

listeners.py [--transparent] PORT...

--transparent also takes what the `tproxy` rule of nftables hands over: connections to other ports.
Prints `ready` when it listens on all.
"""

import select
import socket
import sys

IPV6_TRANSPARENT = 75  # linux/in6.h; the socket module has no name for it


def listen(port, transparent):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if transparent:
        listener.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
    listener.bind(("::", port))
    # As many as net.core.somaxconn allows.
    listener.listen(65535)
    listener.setblocking(False)
    return listener


def main(arguments):
    transparent = arguments[:1] == ["--transparent"]
    ports = [int(port) for port in arguments[transparent:]]
    if not ports:
        sys.exit(__doc__)
    listeners = {}
    poll = select.epoll()
    for port in ports:
        listener = listen(port, transparent)
        listeners[listener.fileno()] = listener
        poll.register(listener, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for number, _ in poll.poll():
            try:
                listeners[number].accept()[0].close()
            except OSError:
                pass  # the peer has gone already


if __name__ == "__main__":
    main(sys.argv[1:])
