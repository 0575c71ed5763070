#include "scanner/ipsec.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "scanner/socket_address.h"

namespace postern::scanner {
namespace {

// A socket whose packets a policy about TCP concerns, or without privilege one of UDP.
int OpenSocket(Family family) {
  const int domain = family == Family::kIpv4 ? AF_INET : AF_INET6;
  const int raw = ::socket(domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
  return raw >= 0 ? raw : ::socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

}  // namespace

std::uint64_t CountIpsecDrops() {
  std::ifstream file("/proc/thread-self/net/xfrm_stat");
  std::uint64_t drops = 0;
  std::string name;
  std::uint64_t count = 0;
  while (file >> name >> count) {
    if (name.starts_with("XfrmOut")) drops += count;
  }
  return drops;
}

bool IsDroppedByIpsec(const IpAddress& target, const std::optional<IpAddress>& source) {
  const int descriptor = OpenSocket(target.family());
  if (descriptor < 0) return false;
  SocketAddress from(source.value_or(target), 0);
  const bool bound = !source || ::bind(descriptor, from.data(), from.size()) == 0;
  // connect(2) looks the way up, policies included, and the kernel counts what it finds.
  constexpr std::uint16_t kAnyPort = 1;
  SocketAddress to(target, kAnyPort);
  const auto before = CountIpsecDrops();
  const bool refused = bound && ::connect(descriptor, to.data(), to.size()) != 0 && errno == EPERM;
  const bool dropped = CountIpsecDrops() != before;
  ::close(descriptor);
  return refused || dropped;
}

}  // namespace postern::scanner
