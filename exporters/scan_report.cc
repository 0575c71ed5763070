#include "exporters/scan_report.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace postern::exporters {

const Observation* ScanReport::OpenAt(const Endpoint& endpoint) const {
  const auto at = std::lower_bound(
      open.begin(), open.end(), endpoint,
      [](const Observation& a, const Endpoint& wanted) { return a.endpoint < wanted; });
  return at != open.end() && at->endpoint == endpoint ? &*at : nullptr;
}

StateCounts::StateCounts(const AddressStates& states) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      counts_[static_cast<std::size_t>(range.verdict.state)] += range.ports.size();
    }
  }
}

PortState StateCounts::MostCommon() const {
  PortState most = kListedStates.front();
  for (const auto state : kListedStates) {
    if (of(state) > of(most)) most = state;
  }
  return most;
}

PortSet AskedPorts(const AddressStates& states) {
  PortSet asked;
  for (const auto protocol : kProtocols) {
    asked.Add(PortSet::Of(protocol, states.of(protocol).Asked()));
  }
  return asked;
}

PortSet PortsIn(const AddressStates& states, PortState state) {
  PortSet ports;
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      if (range.verdict.state == state) ports.Add(protocol, range.ports);
    }
  }
  return ports;
}

std::string Decimal(double value, int decimals) {
  std::array<char, 400> digits{};  // the largest double has 309 digits before the point
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                          std::chars_format::fixed, decimals);
  std::string text(digits.data(), end);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string Scientific(double value) {
  if (value == 0) return "0";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::scientific, 1);
  return {text.data(), end.ptr};
}

}  // namespace postern::exporters
