// Where a notification leads back to.
#pragma once

#include <string>

#include "core/finding.h"

namespace postern::exporters {

// Of the finding in the daemon's API, where `external_url` is the daemon as people reach it. Empty
// if that is.
std::string FindingLink(const std::string& external_url, const Finding& finding);

}  // namespace postern::exporters
