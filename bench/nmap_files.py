"""Writes pairs of nmap XML files in which every port is listed, with a known set of differences."""

import random

FIRST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n'
    '<nmaprun scanner="nmap" args="nmap -sV -d -p1-{ports}" start="1700000000" version="7.93" '
    'xmloutputversion="1.05">\n<scaninfo type="syn" protocol="tcp" numservices="{ports}" '
    'services="1-{ports}"/>\n<verbose level="0"/>\n<debugging level="1"/>\n'
)
HOST = (
    '<host starttime="1700000000" endtime="1700000600"><status state="up" reason="echo-reply" '
    'reason_ttl="64"/>\n<address addr="{address}" addrtype="ipv4"/>\n'
    "<hostnames>\n</hostnames>\n<ports>"
)
LAST = (
    '<runstats><finished time="1700000600" elapsed="600.00" exit="success"/>'
    '<hosts up="{hosts}" down="0" total="{hosts}"/>\n</runstats>\n</nmaprun>\n'
)
PORT = (
    '<port protocol="tcp" portid="{port}">'
    '<state state="{state}" reason="{reason}" reason_ttl="64"/>'
)
UNIDENTIFIED = '<service name="service-{port}" method="table" conf="3"/></port>\n'
IDENTIFIED = (
    '<service name="http" product="nginx" version="1.{version}.0" method="probed" conf="10"/>'
    "</port>\n"
)
REASONS = {"open": "syn-ack", "closed": "reset", "filtered": "no-response"}


def address(host):
    return f"10.{host >> 16}.{host >> 8 & 255}.{host & 255}"


def first_scan(hosts, ports, seed):
    """Of each endpoint (host number, port): (state, version). One in 50 is open, in 20 filtered."""
    chance = random.Random(seed)
    scan = {}
    for host in range(hosts):
        for port in range(1, ports + 1):
            draw = chance.random()
            state = "open" if draw < 0.02 else "filtered" if draw < 0.07 else "closed"
            scan[host, port] = (state, 18 if state == "open" else None)
    return scan


def changed_scan(scan, changes, seed):
    """The scan with `changes` endpoints in another state, or open with another service."""
    chance = random.Random(seed)
    changed = dict(scan)
    for endpoint in chance.sample(sorted(scan), changes):
        state, version = scan[endpoint]
        if state == "open" and chance.random() < 0.5:
            changed[endpoint] = ("open", version + 2)
            continue
        new = chance.choice([other for other in REASONS if other != state])
        changed[endpoint] = (new, 18 if new == "open" else None)
    return changed


def write(path, scan, hosts, ports):
    with open(path, "w", encoding="utf-8") as file:
        file.write(FIRST.format(ports=ports))
        for host in range(hosts):
            file.write(HOST.format(address=address(host)))
            for port in range(1, ports + 1):
                state, version = scan[host, port]
                file.write(PORT.format(port=port, state=state, reason=REASONS[state]))
                service = UNIDENTIFIED if version is None else IDENTIFIED
                file.write(service.format(port=port, version=version))
            file.write("</ports>\n</host>\n")
        file.write(LAST.format(hosts=hosts))


def write_pair(folder, hosts, ports, changes):
    """Writes old.xml and new.xml; returns their paths and the (address, port) that differ."""
    old = first_scan(hosts, ports, seed=1)
    new = changed_scan(old, changes, seed=2)
    paths = folder / "old.xml", folder / "new.xml"
    write(paths[0], old, hosts, ports)
    write(paths[1], new, hosts, ports)
    return paths, {(address(at[0]), at[1]) for at in old if old[at] != new[at]}
