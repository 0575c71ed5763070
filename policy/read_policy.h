// Reads one policy file into the draft of the whole policy. What needs all files at once is
// checked afterwards (check_policy.h).
#pragma once

#include "policy/policy_draft.h"
#include "policy/problems.h"
#include "policy/yaml_document.h"

namespace postern::policy {

void ReadPolicyDocument(const YamlDocument& document, Problems& problems, PolicyDraft& draft);

// Reads one entry of `hosts` into the draft; used by the above.
class YamlReader;
void ReadHost(YamlReader& reader, const YamlNode& node, PolicyDraft& draft);

// The value of `version`, which must be 1; shared with the configuration.
class Fields;
void ReadVersion(YamlReader& reader, const Fields& fields);

}  // namespace postern::policy
