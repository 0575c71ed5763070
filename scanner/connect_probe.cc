#include "scanner/connect_probe.h"

#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>

#include "scanner/error_queue.h"
#include "scanner/socket_address.h"

namespace postern::scanner {
namespace {

bool SetFlag(int descriptor, int level, int option) {
  const int on = 1;
  return ::setsockopt(descriptor, level, option, &on, sizeof(on)) == 0;
}

bool SetFamilyOptions(int descriptor, Family family) {
  if (family == Family::kIpv4) return SetFlag(descriptor, IPPROTO_IP, IP_RECVERR);
  // A mapped address (::ffff:a.b.c.d) must not become an IPv4 probe that no scope has allowed.
  return SetFlag(descriptor, IPPROTO_IPV6, IPV6_RECVERR) &&
         SetFlag(descriptor, IPPROTO_IPV6, IPV6_V6ONLY);
}

bool SetRoute(int descriptor, const ProbeRoute& route) {
  if (!route.interface.empty() &&
      ::setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, route.interface.data(),
                   static_cast<socklen_t>(route.interface.size())) != 0) {
    return false;
  }
  if (!route.source) return true;
  SocketAddress source(*route.source, 0);
  // Else the kernel would reserve a port for the source address alone, whatever the target.
  return SetFlag(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) &&
         ::bind(descriptor, source.data(), source.size()) == 0;
}

bool Connect(int descriptor, const Endpoint& endpoint) {
  SocketAddress target(endpoint.address, endpoint.port);
  return ::connect(descriptor, target.data(), target.size()) == 0 || errno == EINPROGRESS;
}

int TakeError(int descriptor) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

std::optional<tcp_info> ReadTcpInfo(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info;
}

SocketAddress LocalAddress(int descriptor) {
  SocketAddress local;
  ::getsockname(descriptor, local.data(), &local.size());
  return local;
}

ProbeOutcome Outcome(ProbeOutcome::Kind kind) {
  ProbeOutcome outcome;
  outcome.kind = kind;
  return outcome;
}

ProbeOutcome Answered(PortState state, Reason reason) {
  auto outcome = Outcome(ProbeOutcome::Kind::kAnswered);
  outcome.verdict = {state, reason};
  return outcome;
}

ProbeOutcome LocalError(int error) {
  auto outcome = Outcome(ProbeOutcome::Kind::kLocalError);
  outcome.error = error;
  return outcome;
}

// An ICMP error that this machine sent to itself. When ARP or NDP gives up, the kernel sends itself
// 3/1 or 1/3 from the socket's own address and closes the socket (measured on Linux 6.18: 3.07 s
// after the first question, both families). A reject rule in our own output chain answers from the
// same address, but while connect(2) still holds the socket, which then stays in SYN_SENT.
ProbeOutcome FromOurselves(int descriptor, const QueuedError& queued) {
  const auto info = ReadTcpInfo(descriptor);
  if (queued.IsNeighbourUnreachable() && info && info->tcpi_state == TCP_CLOSE) {
    return Outcome(ProbeOutcome::Kind::kNobodyThere);
  }
  return LocalError(EPERM);
}

// For TCP every ICMP error means filtered, whoever sent it, other than ourselves.
ProbeOutcome FromIcmp(int descriptor, const IpAddress& target, const QueuedError& queued) {
  if (queued.offender != target && queued.offender == LocalAddress(descriptor).address()) {
    return FromOurselves(descriptor, queued);
  }
  const auto kind =
      queued.origin == QueuedError::Origin::kIcmp ? Reason::Kind::kIcmp : Reason::Kind::kIcmp6;
  return Answered(PortState::kFiltered, {kind, queued.type, queued.code});
}

ProbeOutcome FromError(int descriptor, const IpAddress& target, int error) {
  while (const auto queued = TakeQueuedError(descriptor)) {
    if (queued->FromNetwork()) return FromIcmp(descriptor, target, *queued);
  }
  switch (error) {
    case 0:
      return Outcome(ProbeOutcome::Kind::kPending);
    case ECONNREFUSED:
      return Answered(PortState::kClosed, {Reason::Kind::kReset});
    case ECONNRESET:
    case EPIPE:
      // Reset after the handshake; a SYN that is refused gives ECONNREFUSED.
      return Answered(PortState::kOpen, {Reason::Kind::kSynAck});
    case ETIMEDOUT:
      return Outcome(ProbeOutcome::Kind::kNobodyThere);
    default:
      return LocalError(error);
  }
}

}  // namespace

StartedProbe StartProbe(const Endpoint& endpoint, const ProbeRoute& route) {
  const auto family = endpoint.address.family();
  const int descriptor = ::socket(family == Family::kIpv4 ? AF_INET : AF_INET6,
                                  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) return {-1, errno};
  if (SetFamilyOptions(descriptor, family) && SetRoute(descriptor, route) &&
      Connect(descriptor, endpoint)) {
    return {descriptor, 0};
  }
  const int error = errno;
  ::close(descriptor);
  return {-1, error};
}

bool IsTemporary(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
    case EAGAIN:
      return true;
    default:
      return false;
  }
}

std::string ErrnoName(int error) {
  const char* name = ::strerrorname_np(error);
  return name ? name : "E" + std::to_string(error);
}

ProbeOutcome ReadOutcome(int descriptor, const IpAddress& target) {
  SocketAddress peer;
  if (::getpeername(descriptor, peer.data(), &peer.size()) != 0) {
    return FromError(descriptor, target, TakeError(descriptor));
  }
  const auto local = LocalAddress(descriptor);
  if (local.address() == peer.address() && local.port() == peer.port()) {
    return Outcome(ProbeOutcome::Kind::kSelfConnect);
  }
  const auto info = ReadTcpInfo(descriptor);
  // A lone SYN came (RFC 9293, section 3.5), which anybody can send: no handshake yet.
  if (info && info->tcpi_state == TCP_SYN_RECV) return Outcome(ProbeOutcome::Kind::kPending);
  auto outcome = Answered(PortState::kOpen, {Reason::Kind::kSynAck});
  if (info && info->tcpi_total_retrans == 0) {
    outcome.rtt = std::chrono::microseconds(info->tcpi_rtt);
  }
  return outcome;
}

Retransmit ReadRetransmit(int descriptor) {
  const auto info = ReadTcpInfo(descriptor);
  if (!info || info->tcpi_total_retrans == 0) return Retransmit::kNone;
  return info->tcpi_retrans > 0 ? Retransmit::kSent : Retransmit::kHeldBack;
}

void ResetOnClose(int descriptor) {
  const linger reset{1, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

}  // namespace postern::scanner
