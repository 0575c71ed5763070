#include "drift/severity.h"

#include <algorithm>
#include <array>

namespace postern::drift {
namespace {

// Assignments from the IANA service name registry and, where a service never registered its port,
// from its own documentation. Ascending.
constexpr std::array<PortRange, 52> kSensitiveTcp = {{
    {22, 23},        // ssh, telnet
    {111, 111},      // rpcbind
    {135, 135},      // Microsoft RPC
    {139, 139},      // NetBIOS session
    {389, 389},      // LDAP
    {445, 445},      // SMB
    {512, 514},      // rexec, rlogin, rsh
    {623, 623},      // IPMI
    {636, 636},      // LDAP over TLS
    {873, 873},      // rsync
    {1433, 1434},    // Microsoft SQL Server
    {1521, 1521},    // Oracle
    {2049, 2049},    // NFS
    {2181, 2181},    // ZooKeeper
    {2375, 2377},    // Docker, Docker over TLS, Swarm
    {2379, 2380},    // etcd
    {3050, 3050},    // Firebird
    {3306, 3306},    // MySQL
    {3389, 3389},    // RDP
    {4369, 4369},    // Erlang port mapper
    {4505, 4506},    // Salt
    {4646, 4648},    // Nomad
    {5000, 5000},    // Docker registry
    {5432, 5433},    // PostgreSQL
    {5555, 5555},    // Android debug bridge
    {5601, 5601},    // Kibana
    {5672, 5672},    // AMQP
    {5900, 5910},    // VNC
    {5984, 5984},    // CouchDB
    {5985, 5986},    // WinRM
    {6000, 6010},    // X11
    {6379, 6380},    // Redis
    {6443, 6443},    // Kubernetes API
    {7000, 7001},    // Cassandra between nodes
    {7199, 7199},    // Cassandra JMX
    {7474, 7474},    // Neo4j
    {7687, 7687},    // Neo4j Bolt
    {8086, 8086},    // InfluxDB
    {8123, 8123},    // ClickHouse
    {8200, 8201},    // Vault
    {8300, 8302},    // Consul between servers
    {8500, 8501},    // Consul
    {9000, 9000},    // ClickHouse, Portainer
    {9042, 9042},    // Cassandra
    {9092, 9092},    // Kafka
    {9200, 9200},    // Elasticsearch
    {9300, 9300},    // Elasticsearch between nodes
    {10250, 10259},  // kubelet, controller manager, scheduler
    {11211, 11211},  // memcached
    {15672, 15672},  // RabbitMQ administration
    {27017, 27019},  // MongoDB
    {50000, 50000},  // Db2
}};

// SNMP, TFTP, IPMI, memcached.
constexpr std::array<PortRange, 4> kSensitiveUdp = {
    {{69, 69}, {161, 161}, {623, 623}, {11211, 11211}}};

template <std::size_t N>
bool AnyContains(const std::array<PortRange, N>& ranges, std::uint16_t port) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [port](const PortRange& range) { return range.Contains(port); });
}

}  // namespace

bool IsSensitivePort(Protocol protocol, std::uint16_t port) {
  return protocol == Protocol::kTcp ? AnyContains(kSensitiveTcp, port)
                                    : AnyContains(kSensitiveUdp, port);
}

PortSet SensitivePorts(const PortSet& ports) {
  PortSet sensitive;
  const auto add = [&](Protocol protocol, const auto& ranges) {
    for (const auto& named : ranges) {
      for (const auto& range : ports.ranges(protocol)) {
        const PortRange both{std::max(range.first, named.first), std::min(range.last, named.last)};
        if (both.first <= both.last) sensitive.Add(protocol, both);
      }
    }
  };
  add(Protocol::kTcp, kSensitiveTcp);
  add(Protocol::kUdp, kSensitiveUdp);
  return sensitive;
}

Severity UnexpectedOpenSeverity(const policy::Host& host, ProtocolPort port, bool only_ipv6) {
  const bool critical = only_ipv6 || host.criticality == policy::Criticality::kHigh ||
                        IsSensitivePort(port.protocol, port.port);
  return critical ? Severity::kCritical : Severity::kWarning;
}

}  // namespace postern::drift
