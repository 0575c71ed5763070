// Reads the parts of a configuration from its YAML tree.
#pragma once

#include <string>
#include <vector>

#include "policy/config.h"
#include "policy/yaml_reader.h"

namespace postern::policy {

// `path` as it stands in the file, against `folder` unless it is absolute.
std::string ResolvedPath(const std::string& folder, const std::string& path);

// An http or https URL with a host.
std::optional<std::string> ReadUrl(YamlReader& reader, const YamlNode* node);

// A mapping of the keys of docs/email.md. The password file is relative to `folder`.
EmailConfig ReadEmail(YamlReader& reader, const YamlNode& node, const std::string& folder);

std::vector<ScanConfig> ReadScans(YamlReader& reader, const YamlNode* node);
std::vector<Canary> ReadCanaries(YamlReader& reader, const YamlNode* node);
// Secret files are relative to `folder`.
std::vector<ReceiverConfig> ReadReceivers(YamlReader& reader, const YamlNode* node,
                                          const std::string& folder);

}  // namespace postern::policy
