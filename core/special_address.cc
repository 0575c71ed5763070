#include "core/special_address.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "core/prefix.h"

namespace postern {
namespace {

struct SpecialRange {
  Prefix range;
  std::string_view what;
};

SpecialRange Row(std::string_view range, std::string_view what) {
  return {*Prefix::Parse(range), what};
}

// The IANA registries of special-purpose addresses, as far as their ranges are never another host.
std::string_view WhyItself(const IpAddress& address) {
  static const std::array kRanges = {
      Row("0.0.0.0/8", "an unspecified address"),          // RFC 791, section 3.2
      Row("127.0.0.0/8", "a loopback address"),            // RFC 1122, section 3.2.1.3
      Row("169.254.0.0/16", "a link-local address"),       // RFC 3927
      Row("224.0.0.0/4", "a multicast address"),           // RFC 5771
      Row("255.255.255.255/32", "the broadcast address"),  // RFC 919
      Row("::/128", "an unspecified address"),             // RFC 4291
      Row("::1/128", "a loopback address"),
      Row("fe80::/10", "a link-local address"),
      Row("ff00::/8", "a multicast address"),
  };
  const auto at = std::ranges::find_if(
      kRanges, [&](const SpecialRange& row) { return row.range.Contains(address); });
  return at == kRanges.end() ? std::string_view() : at->what;
}

}  // namespace

std::vector<IpAddress> EmbeddedIpv4(const IpAddress& address) {
  static const auto kMapped = *Prefix::Parse("::ffff:0:0/96");
  static const auto kCompatible = *Prefix::Parse("::/96");
  static const auto kTranslated = *Prefix::Parse("::ffff:0:0:0/96");
  static const auto kNat64 = *Prefix::Parse("64:ff9b::/96");
  static const auto kLocalNat64 = *Prefix::Parse("64:ff9b:1::/48");
  static const auto k6to4 = *Prefix::Parse("2002::/16");
  static const auto kTeredo = *Prefix::Parse("2001::/32");
  if (address.family() == Family::kIpv4) return {};
  const auto bytes = address.bytes();
  const auto at = [&](std::size_t offset) {
    return *IpAddress::FromBytes(bytes.subspan(offset, 4));
  };
  const bool isatap =
      (bytes[8] & 0xfc) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
  if (kMapped.Contains(address) || kCompatible.Contains(address) || kTranslated.Contains(address) ||
      kNat64.Contains(address)) {
    return {at(12)};
  }
  // A translator's own prefix has 48 to 96 bits; the address then stands at one of these places,
  // around bits 64 to 71 (RFC 6052, section 2.2).
  if (kLocalNat64.Contains(address)) {
    const std::array behind48 = {bytes[6], bytes[7], bytes[9], bytes[10]};
    const std::array behind56 = {bytes[7], bytes[9], bytes[10], bytes[11]};
    std::vector<IpAddress> places = {at(12), at(9), *IpAddress::FromBytes(behind48),
                                     *IpAddress::FromBytes(behind56)};
    // Zeros are the padding of another length.
    std::erase_if(places, [](const IpAddress& place) { return place.bytes()[0] == 0; });
    return places;
  }
  if (k6to4.Contains(address)) return {at(2)};
  if (kTeredo.Contains(address)) {
    std::array<std::uint8_t, 4> client{};
    std::ranges::transform(bytes.subspan(12), client.begin(),
                           [](std::uint8_t byte) { return static_cast<std::uint8_t>(~byte); });
    return {*IpAddress::FromBytes(client), at(4)};  // and the server
  }
  if (isatap) return {at(12)};
  return {};
}

std::string WhySpecial(const IpAddress& address) {
  if (const auto why = WhyItself(address); !why.empty()) return std::string(why);
  for (const auto& embedded : EmbeddedIpv4(address)) {
    const auto why = WhyItself(embedded);
    if (!why.empty()) {
      return "an IPv6 form of " + embedded.ToString() + ", " + std::string(why);
    }
  }
  static const auto kMapped = *Prefix::Parse("::ffff:0:0/96");
  if (kMapped.Contains(address)) return "an IPv4 address in IPv6 form";
  return "";
}

}  // namespace postern
