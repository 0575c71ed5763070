// Reads expectations, acceptances and what they have in common with networks.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"
#include "policy/policy_draft.h"
#include "policy/yaml_reader.h"

namespace postern::policy {

// Rules that one list may hold: with it the search for overlaps stays short on any file.
inline constexpr std::size_t kMaxRules = 4096;

// The families that a list names; both where there is none.
FamilySet ReadFamilySet(YamlReader& reader, const YamlNode* node);
// The viewpoints of a `from`, ascending; each is appended to `references`.
std::vector<std::string> ReadFrom(YamlReader& reader, const YamlNode* node,
                                  std::vector<Reference>& references);

// Each appends the viewpoints that it names to `from`. Bad rules are reported and left out.
std::vector<Expectation> ReadExpectations(YamlReader& reader, const YamlNode* node,
                                          std::vector<Reference>& from);
std::vector<AcceptRule> ReadAccepts(YamlReader& reader, const YamlNode* node,
                                    std::vector<Reference>& from);

}  // namespace postern::policy
