// YAML to Policy. Hostile input is safe: bounded in size, depth and aliases; every error is found
// in one pass.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "policy/diagnostics.h"
#include "policy/policy.h"

namespace postern::policy {

struct LoadedPolicy {
  std::shared_ptr<const Policy> policy;  // null if there are errors
  Diagnostics diagnostics;               // errors and warnings
  bool unreadable = false;               // the input could not be read; says nothing of its content
};

struct SourceText {
  std::string name;  // as it shows in messages
  std::string text;
};

// At most this many bytes make a policy (over all its files) or a configuration; 10,000 hosts take
// about 3 MB.
inline constexpr std::size_t kMaxSourceBytes = std::size_t{16} << 20;

// The file's text, named by `path`. An error says why it cannot be read.
Result<SourceText> ReadSourceText(const std::string& path);

// `path` is a file, or a folder whose *.yaml and *.yml files merge in name order; a warning names
// what else is in the folder. `today` decides which acceptances are past.
LoadedPolicy LoadPolicy(const std::string& path, std::chrono::sys_days today);
LoadedPolicy LoadPolicyTexts(const std::vector<SourceText>& files, std::chrono::sys_days today);

}  // namespace postern::policy
