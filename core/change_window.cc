#include "core/change_window.h"

#include <algorithm>

namespace postern {
namespace {

bool IsOneOf(const std::vector<std::string>& values, const std::string& value) {
  return values.empty() || std::ranges::find(values, value) != values.end();
}

// A name has no address of its own; what it led to stands for it.
bool LiesIn(const std::vector<Prefix>& networks, const Drift& drift) {
  const auto contains = [&](const IpAddress& address) {
    return std::ranges::any_of(networks,
                               [&](const Prefix& network) { return network.Contains(address); });
  };
  if (networks.empty()) return true;
  if (SubjectOf(drift.kind) == DriftSubject::kName) {
    return std::ranges::any_of(drift.addresses, contains);
  }
  return contains(drift.address);
}

bool HasLabels(const std::map<std::string, std::string>& labels, const Drift& drift) {
  return std::ranges::all_of(labels, [&](const auto& label) {
    const auto at = drift.labels.find(label.first);
    return at != drift.labels.end() && at->second == label.second;
  });
}

void Append(std::string_view kind, const std::vector<std::string>& values, std::string& text) {
  if (values.empty()) return;
  if (!text.empty()) text += "; ";
  text += kind;
  for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? " " : ", ") + values[i];
}

}  // namespace

bool WindowSelector::empty() const {
  return hosts.empty() && owners.empty() && networks.empty() && labels.empty();
}

bool WindowSelector::Covers(const Drift& drift) const {
  const auto subject = SubjectOf(drift.kind);
  if (subject == DriftSubject::kFamily || subject == DriftSubject::kScan || empty()) return false;
  return IsOneOf(hosts, drift.host) && IsOneOf(owners, drift.owner) && LiesIn(networks, drift) &&
         HasLabels(labels, drift);
}

std::string ToString(const WindowSelector& selector) {
  std::vector<std::string> networks;
  for (const auto& network : selector.networks) networks.push_back(network.ToString());
  std::vector<std::string> labels;
  for (const auto& [name, value] : selector.labels) {
    labels.push_back(std::string(name).append("=").append(value));
  }
  std::string text;
  Append("host", selector.hosts, text);
  Append("owner", selector.owners, text);
  Append("network", networks, text);
  Append("label", labels, text);
  return text;
}

}  // namespace postern
