#include "exporters/finding_link.h"

#include <string_view>

namespace postern::exporters {

std::string FindingLink(const std::string& external_url, const Finding& finding) {
  if (external_url.empty()) return {};
  const auto end = external_url.find_last_not_of('/');
  return external_url.substr(0, end == std::string::npos ? 0 : end + 1) + "/api/v1/findings/" +
         DisplayId(finding);
}

}  // namespace postern::exporters
