#include "scanner/udp_probes.h"

#include <algorithm>
#include <unordered_map>

#include "scanner/udp_asn1.h"
#include "scanner/udp_devices.h"
#include "scanner/udp_infrastructure.h"
#include "scanner/udp_names.h"
#include "scanner/udp_text.h"
#include "scanner/udp_tunnels.h"

namespace postern::scanner {
namespace {

constexpr std::string_view kIkeElsewhere = "ike-elsewhere";

using ProbesByPort = std::unordered_map<std::uint16_t, std::vector<const UdpProbe*>>;

ProbesByPort ByPort() {
  ProbesByPort by_port;
  for (const auto& probe : UdpProbes()) {
    for (const auto port : probe.ports) by_port[port].push_back(&probe);
  }
  return by_port;
}

std::vector<const UdpProbe*> ForOtherPorts() {
  std::vector<const UdpProbe*> probes;
  for (const auto& probe : UdpProbes()) {
    if (probe.ports.empty()) probes.push_back(&probe);
  }
  return probes;
}

}  // namespace

const std::vector<UdpProbe>& UdpProbes() {
  // Ports are those that IANA registers for the protocol, or where it is usually found. Where a
  // port has several probes, the one that most servers answer stands first.
  static const std::vector<UdpProbe> probes = {
      {"echo", {7}, kEcho},
      {"old-text", {13, 17, 19}, kOldText},
      {"time", {37}, kTime},
      {"dns", {53}, kDns},
      {"dns-version", {53}, kDnsVersion},
      {"tftp", {69}, kTftp, /*answered_from_another_port=*/true},
      {"kerberos", {88, 464, 750}, kKerberos},
      {"portmap", {111}, kPortmap},
      {"ntp", {123}, kNtp},
      {"netbios", {137}, kNetbios},
      {"snmp-v3", {161, 1161}, kSnmpV3},
      {"snmp-v2c", {161, 1161}, kSnmpV2c},
      {"snmp-v1", {161, 1161}, kSnmpV1},
      {"xdmcp", {177}, kXdmcp},
      {"cldap", {389}, kCldap},
      {"ike-v2", {500}, kIkeV2},
      {"ike-v1", {500}, kIkeV1},
      {"ike-v2-nat", {4500}, kIkeV2Nat},
      {"ike-v1-nat", {4500}, kIkeV1Nat},
      {"rip", {520}, kRip},
      {"ipmi", {623, 664}, kIpmi},
      {"rmcp-ping", {623, 664}, kRmcpPing},
      {"quic", {80, 443, 784, 853, 8443, 8853}, kQuic},
      {"dtls", {853, 2221, 3391, 4433, 5349, 5684, 8883, 10443}, kDtls},
      {"openvpn", {1194, 1195, 1196, 1197, 1198}, kOpenVpn},
      {"sql-browser", {1434}, kSqlBrowser},
      {"l2tp", {1701}, kL2tp},
      {"radius", {1645, 1812}, kRadius},
      {"radius-accounting", {1646, 1813}, kRadiusAccounting},
      {"ssdp", {1900}, kSsdp},
      {"nfs", {2049}, kNfs},
      {"gtp", {2123, 2152, 3386}, kGtp},
      {"stun", {3478, 3479, 5349, 19302}, kStun},
      {"knx", {3671}, kKnx},
      {"ws-discovery", {3702}, kWsDiscovery},
      {"iax", {4569}, kIax},
      {"sip", {5060}, kSip},
      {"nat-pmp", {5351}, kNatPmp},
      {"mdns", {5353}, kMdns},
      {"llmnr", {5355}, kLlmnr},
      {"coap", {5683}, kCoap},
      {"bittorrent-dht", {6881}, kBittorrentDht},
      {"ubiquiti", {10001}, kUbiquiti},
      {"memcached", {11211}, kMemcached},
      {"raknet", {19132, 19133}, kRakNet},
      {"source-query", {27015, 27016}, kSourceQuery},
      {"ethernet-ip", {2222, 44818}, kEthernetIp},
      {"bacnet", {47808}, kBacnet},
      // DHCP, DHCPv6 (a request could take a lease), traps, syslog (a line in somebody's log),
      // discard, VXLAN, WireGuard (no answer without its key).
      {"nothing", {9, 67, 68, 162, 514, 546, 547, 4789, 51820}, kNothing},
      // Tunnels, name servers and NAT helpers are what stands most often on a port of its own
      // choice. The first two are never taken for ESP (MayBeTakenForEsp()).
      {"empty-lines", {}, kEmptyLines},
      {kIkeElsewhere, {}, kIkeV2Nat},
      {"dns-elsewhere", {}, kDns},
      {"stun-elsewhere", {}, kStun},
  };
  return probes;
}

const UdpProbe& IkeProbe() {
  static const UdpProbe& ike = *std::ranges::find(UdpProbes(), kIkeElsewhere, &UdpProbe::name);
  return ike;
}

std::span<const UdpProbe* const> UdpProbesFor(std::uint16_t port) {
  static const ProbesByPort by_port = ByPort();
  static const std::vector<const UdpProbe*> others = ForOtherPorts();
  const auto known = by_port.find(port);
  return known == by_port.end() ? others : known->second;
}

}  // namespace postern::scanner
