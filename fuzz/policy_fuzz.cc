// Any bytes as a policy, as a folder of two files and as a configuration: no crash, no endless
// walk, and what is accepted can be asked about.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/explain.h"
#include "policy/load_config.h"
#include "policy/load_policy.h"
#include "policy/rules.h"

namespace {

using namespace postern;

void AskAbout(const policy::Policy& policy) {
  for (const auto& host : policy.hosts) {
    const policy::RuleTable table(policy, host, "public", Family::kIpv6);
    if (table.ranges(Protocol::kTcp).back().ports.last != 65535) std::abort();
    policy::ExplainText(policy, {&host, std::nullopt}, {Protocol::kTcp, 443}, "", {});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto loaded = policy::LoadPolicyTexts({{"fuzz.yaml", text}}, {});
  loaded.diagnostics.Render();
  if (loaded.policy) AskAbout(*loaded.policy);
  // Neither a value nor an error would be a silent refusal.
  if (!loaded.policy && !loaded.diagnostics.HasErrors()) std::abort();

  const auto half = size / 2;
  policy::LoadPolicyTexts({{"a.yaml", text.substr(0, half)}, {"b.yaml", text.substr(half)}}, {});

  const policy::SourceText source{"fuzz.yaml", text};
  const auto config = policy::LoadConfigText(source, "");
  config.diagnostics.Render();
  if (config.config && loaded.policy) policy::CrossCheck(*config.config, source, *loaded.policy);
  return 0;
}
