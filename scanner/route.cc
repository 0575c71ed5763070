#include "scanner/route.h"

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace postern::scanner {
namespace {

std::uint8_t KernelFamily(Family family) { return family == Family::kIpv4 ? AF_INET : AF_INET6; }

std::optional<LinkAddress> ToLinkAddress(std::span<const std::uint8_t> bytes) {
  LinkAddress address{};
  if (bytes.size() != address.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), address.begin());
  return address;
}

NetlinkRequest RouteRequest(const IpAddress& target, const std::optional<IpAddress>& source,
                            int interface) {
  rtmsg header{};
  header.rtm_family = KernelFamily(target.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(target.bits());
  if (source) header.rtm_src_len = static_cast<std::uint8_t>(source->bits());
  NetlinkRequest request(RTM_GETROUTE, header);
  request.Add(RTA_DST, target.bytes());
  if (source) request.Add(RTA_SRC, source->bytes());
  if (interface != 0) request.Add(RTA_OIF, static_cast<std::uint32_t>(interface));
  return request;
}

// The errno for a kind of route that no packet to one host takes; 0 for those that one does. The
// kernel mostly answers with the error instead of such a route.
int RefusalOf(std::uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
    case RTN_LOCAL:
    case RTN_ANYCAST:
      return 0;
    case RTN_UNREACHABLE:
      return EHOSTUNREACH;
    case RTN_PROHIBIT:
      return EACCES;
    case RTN_BLACKHOLE:
      return EINVAL;
    default:  // broadcast, multicast and what later kernels may add
      return ENETUNREACH;
  }
}

std::optional<IpAddress> GatewayOf(const NetlinkMessage& message) {
  const auto gateway = message.Attribute(sizeof(rtmsg), RTA_GATEWAY);
  if (!gateway.empty()) return IpAddress::FromBytes(gateway);
  // One of the other family (RFC 5549), with that family in front (struct rtvia).
  const auto via = message.Attribute(sizeof(rtmsg), RTA_VIA);
  return via.empty() ? std::nullopt
                     : IpAddress::FromBytes(via.subspan(sizeof(rtvia::rtvia_family)));
}

Routes::Answer Failed(int error) { return {std::nullopt, error, false}; }

Routes::Answer ToAnswer(const NetlinkMessage& message, const std::optional<IpAddress>& asked) {
  const auto header = message.Read<rtmsg>();
  const auto interface = message.Number(sizeof(rtmsg), RTA_OIF);
  if (!header || !interface) return Failed(EPROTO);
  if (const int error = RefusalOf(header->rtm_type)) {
    const bool nobody = header->rtm_type == RTN_BROADCAST || header->rtm_type == RTN_MULTICAST;
    return {std::nullopt, error, nobody};
  }
  // IPv4 repeats no source that it was asked for; IPv6 tells the one that it would rather choose.
  const auto source =
      asked ? asked : IpAddress::FromBytes(message.Attribute(sizeof(rtmsg), RTA_PREFSRC));
  if (!source) return Failed(EADDRNOTAVAIL);
  return {Route{static_cast<int>(*interface), *source, GatewayOf(message),
                header->rtm_type != RTN_UNICAST},
          0, false};
}

// Whether a frame can be sent to the neighbour of this entry.
bool IsUsable(const NetlinkMessage& message) {
  constexpr unsigned kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  const auto header = message.Read<ndmsg>();
  return header && (header->ndm_state & kUsable) != 0;
}

}  // namespace

Routes::Routes() = default;
Routes::~Routes() = default;

int Routes::CheckSource(const IpAddress& source, Family family) {
  if (source.family() != family) return EAFNOSUPPORT;
  // The kernel checks only an IPv4 source, and its errno for that means other things too.
  const auto own = kernel_.Ask(RouteRequest(source, std::nullopt, 0));
  if (own.error != 0) return own.error;
  const auto header = own.message.Read<rtmsg>();
  return header && header->rtm_type == RTN_LOCAL ? 0 : EADDRNOTAVAIL;
}

Routes::Answer Routes::To(const IpAddress& target, const std::optional<IpAddress>& source,
                          int interface) {
  return ToEach({&target, 1}, source, interface).front();
}

std::vector<Routes::Answer> Routes::ToEach(std::span<const IpAddress> targets,
                                           const std::optional<IpAddress>& source, int interface) {
  std::vector<Answer> answers(targets.size());
  std::array<int, kFamilies.size()> refused{};
  for (const auto family : kFamilies) {
    if (source) refused[static_cast<std::size_t>(family)] = CheckSource(*source, family);
  }
  std::vector<NetlinkRequest> requests;
  std::vector<std::size_t> asked;
  requests.reserve(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    answers[i].error = refused[static_cast<std::size_t>(targets[i].family())];
    if (answers[i].error != 0) continue;
    requests.push_back(RouteRequest(targets[i], source, interface));
    asked.push_back(i);
  }
  kernel_.AskEach(requests, [&](std::size_t i, const NetlinkSocket::Answer& answer) {
    answers[asked[i]] = answer.error != 0 ? Failed(answer.error) : ToAnswer(answer.message, source);
  });
  return answers;
}

Prefix Routes::BlockOf(const IpAddress& address) {
  return Prefix(address, address.family() == Family::kIpv4 ? 24 : 112);
}

std::optional<std::set<Prefix>> Routes::MixedBlocks(Family family) {
  std::set<Prefix> blocks;
  // A rule's header begins like a route's, and FRA_DST is RTA_DST.
  static_assert(sizeof(fib_rule_hdr) == sizeof(rtmsg) && static_cast<int>(FRA_DST) == RTA_DST);
  for (const std::uint16_t type : {RTM_GETROUTE, RTM_GETRULE}) {
    rtmsg header{};
    header.rtm_family = KernelFamily(family);
    const int error = kernel_.Dump(NetlinkRequest(type, header), [&](const NetlinkMessage& entry) {
      const auto length = entry.Read<rtmsg>().value_or(rtmsg{}).rtm_dst_len;
      const auto base = IpAddress::FromBytes(entry.Attribute(sizeof(rtmsg), RTA_DST));
      if (!base || base->family() != family) return;
      const auto block = BlockOf(*base);
      if (length > block.length()) blocks.insert(block);
    });
    if (error != 0) return std::nullopt;
  }
  return blocks;
}

bool Routes::IsMixed(const Prefix& block) {
  const auto [at, is_new] = mixed_.try_emplace(block.family());
  if (is_new) at->second = MixedBlocks(block.family());
  return !at->second || at->second->contains(block);
}

std::optional<Interface> Routes::InterfaceAt(int index) {
  ifinfomsg subject{};
  subject.ifi_index = index;
  NetlinkRequest request(RTM_GETLINK, subject);
  request.Add(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  const auto answer = kernel_.Ask(request);
  const auto header = answer.message.Read<ifinfomsg>();
  if (answer.error != 0 || !header) return std::nullopt;
  Interface interface;
  interface.index = header->ifi_index;
  const auto name = answer.message.Attribute(sizeof(ifinfomsg), IFLA_IFNAME);
  interface.name.assign(name.begin(), std::find(name.begin(), name.end(), 0));
  constexpr unsigned kUp = IFF_UP | IFF_LOWER_UP;
  interface.up = (header->ifi_flags & kUp) == kUp;
  interface.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  if (header->ifi_type == ARPHRD_ETHER) {
    interface.address = ToLinkAddress(answer.message.Attribute(sizeof(ifinfomsg), IFLA_ADDRESS));
  }
  return interface;
}

Neighbour Routes::NeighbourAt(int interface, const IpAddress& address) {
  ndmsg subject{};
  subject.ndm_family = KernelFamily(address.family());
  subject.ndm_ifindex = interface;
  NetlinkRequest request(RTM_GETNEIGH, subject);
  request.Add(NDA_DST, address.bytes());
  const auto answer = kernel_.Ask(request);
  const auto header = answer.message.Read<ndmsg>();
  if (answer.error != 0 || !header) return Neighbour::kNotAsked;
  if ((header->ndm_state & NUD_FAILED) != 0) return Neighbour::kFailed;
  if ((header->ndm_state & NUD_INCOMPLETE) != 0) return Neighbour::kResolving;
  return IsUsable(answer.message) ? Neighbour::kUsable : Neighbour::kNotAsked;
}

std::optional<std::vector<IpAddress>> Routes::Neighbours(int interface, Family family) {
  ndmsg subject{};
  subject.ndm_family = KernelFamily(family);
  NetlinkRequest request(RTM_GETNEIGH, subject);
  request.Add(NDA_IFINDEX, static_cast<std::uint32_t>(interface));
  std::vector<IpAddress> found;
  const int error = kernel_.Dump(request, [&](const NetlinkMessage& entry) {
    const auto address = IpAddress::FromBytes(entry.Attribute(sizeof(ndmsg), NDA_DST));
    const bool here = entry.Read<ndmsg>().value_or(ndmsg{}).ndm_ifindex == interface;
    if (address && here && IsUsable(entry)) found.push_back(*address);
  });
  if (error != 0) return std::nullopt;
  return found;
}

}  // namespace postern::scanner
