// YAML to Policy. Hostile input is safe: bounded in size, depth and aliases; every error is found
// in one pass.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/diagnostics.h"
#include "policy/policy.h"

namespace postern::policy {

struct LoadedPolicy {
  std::shared_ptr<const Policy> policy;  // null if there are errors
  Diagnostics diagnostics;               // errors and warnings
};

struct SourceText {
  std::string name;  // as it shows in messages
  std::string text;
};

// `path` is a file, or a folder whose *.yaml files merge in name order. `today` decides which
// acceptances are past.
LoadedPolicy LoadPolicy(const std::string& path, std::chrono::sys_days today);
LoadedPolicy LoadPolicyTexts(const std::vector<SourceText>& files, std::chrono::sys_days today);

}  // namespace postern::policy
