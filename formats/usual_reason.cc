#include "formats/usual_reason.h"

namespace postern::formats {

Reason UsualReason(PortState state, Protocol protocol, Family family) {
  const bool tcp = protocol == Protocol::kTcp;
  switch (state) {
    case PortState::kUnknown:
      return {Reason::Kind::kNotProbed, 0, 0};
    case PortState::kOpen:
      return {tcp ? Reason::Kind::kSynAck : Reason::Kind::kUdpResponse, 0, 0};
    case PortState::kClosed:
      if (tcp) return {Reason::Kind::kReset, 0, 0};
      // Port unreachable: RFC 792 and RFC 4443 section 3.1.
      if (family == Family::kIpv4) return {Reason::Kind::kIcmp, 3, 3};
      return {Reason::Kind::kIcmp6, 1, 4};
    case PortState::kFiltered:
    case PortState::kOpenFiltered:
      return {Reason::Kind::kNoResponse, 0, 0};
  }
  return {};
}

}  // namespace postern::formats
