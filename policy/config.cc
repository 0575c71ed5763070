#include "policy/config.h"

#include <algorithm>

namespace postern::policy {
std::string AlertmanagerPlace(const std::string& url) {
  const auto end = url.find_last_not_of('/') + 1;
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(begin, std::max(begin, end) - begin);
}

bool ReceiverConfig::Wants(const Drift& drift) const {
  const bool severity = severities.empty() || std::find(severities.begin(), severities.end(),
                                                        drift.severity) != severities.end();
  const bool kind = !kinds || std::find(kinds->begin(), kinds->end(), drift.kind) != kinds->end();
  return severity && kind;
}

}  // namespace postern::policy
