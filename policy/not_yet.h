// What a configuration may ask for and this version does not do yet: accepted, so that one file
// serves several versions, with a plain warning. Goes away as the parts arrive.
#pragma once

#include <string_view>

namespace postern::policy {

// Whether `name` is a drift kind that a later version reports.
bool IsLaterDriftKind(std::string_view name);

}  // namespace postern::policy
