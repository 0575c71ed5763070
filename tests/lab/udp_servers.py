"""Real UDP services for a Host of the lab, on every address that it has, and waited for."""

from lab import wait_for

# port: the Debian package that serves it.
PACKAGES = {
    53: "dnsmasq-base",
    69: "tftpd-hpa",
    123: "chrony",
    161: "snmpd",
    500: "strongswan-charon",
}
PROGRAMS = ["dnsmasq", "in.tftpd", "chronyd", "snmpd", "/usr/lib/ipsec/charon"]


def start_udp_servers(host):
    """DNS, TFTP, NTP, SNMP and IKE, on the ports of PACKAGES. charon takes 4500 too."""
    folder = host.lab.folder / f"{host.name}-udp"
    folder.mkdir()
    host.start(
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"),
        *("--user=root", "--group=root", "--pid-file=", "--address=/#/192.0.2.1"),
    )
    host.start("in.tftpd", "--foreground", "--user", "root", "--secure", folder)

    chrony = folder / "chrony.conf"
    chrony.write_text(
        "local stratum 8\nallow all\ncmdport 0\nbindcmdaddress /\n" f"pidfile {folder}/chrony.pid\n"
    )
    # -x: it serves the time and leaves this machine's clock alone.
    host.start("chronyd", "-d", "-x", "-u", "root", "-f", chrony)

    snmpd = folder / "snmpd.conf"
    snmpd.write_text("agentAddress udp:161,udp6:161\nrocommunity public\nrocommunity6 public\n")
    host.start("snmpd", "-f", "-Lo", "-C", "-c", snmpd, "-p", folder / "snmpd.pid")

    host.start("/usr/lib/ipsec/charon")
    for port, package in PACKAGES.items():
        wait_for(f"{package} has UDP port {port}", lambda port=port: has_port(host, port))


def has_port(host, port):
    """Whether a program of the host has the port, over both families."""
    sockets = host.run("ss", "-Huln", f"sport = :{port}").stdout
    return len(sockets.splitlines()) >= 2
