// Reads the policy's windows of change.
#pragma once

#include "policy/policy_draft.h"
#include "policy/yaml_reader.h"

namespace postern::policy {

// Adds the windows of the list to the draft. Bad ones are reported and left out.
void ReadWindows(YamlReader& reader, const YamlNode* node, PolicyDraft& draft);

// Reports hosts that no window can have, and warns of windows that select nothing or are over.
void CheckWindows(const PolicyDraft& draft, std::chrono::sys_days today, Problems& problems);

}  // namespace postern::policy
