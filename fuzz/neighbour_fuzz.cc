// Any bytes as what a link brings to a discovery: an ARP packet, and an IP packet that may be a
// neighbour's advertisement or the answer to a probe. No crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "scanner/arp.h"
#include "scanner/discovery_probes.h"
#include "scanner/ndp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  static const scanner::DiscoveryProbes probes;
  const std::span bytes(data, size);
  const auto reply = scanner::ParseArpReply(bytes);
  if (reply && reply->address.family() != Family::kIpv4) std::abort();
  const auto packet = scanner::ParsePacket(bytes);
  if (!packet) return 0;
  const auto advertisement = scanner::ReadAdvertisement(*packet);
  if (advertisement && advertisement->address.family() != Family::kIpv6) std::abort();
  probes.Read(*packet);
  return 0;
}
