#include "daemon/questions.h"

#include <algorithm>
#include <map>
#include <set>

namespace postern::daemon {
namespace {

// Of a finding that stands for many ports, as many show what it is about.
constexpr std::size_t kSample = 4;

// Ports of the drift that the run saw in the very state that makes it one.
std::vector<std::uint16_t> SampleOf(const Drift& drift, const Snapshot& snapshot) {
  std::vector<std::uint16_t> ports;
  const auto* seen = snapshot.Find(drift.address);
  if (seen == nullptr) return ports;
  const auto states = seen->of(drift.protocol).Restricted(drift.ports.ranges(drift.protocol));
  for (const auto& range : states.ranges()) {
    if (range.verdict.state != drift.observed.state) continue;
    for (std::uint32_t port = range.ports.first; port <= range.ports.last; ++port) {
      if (ports.size() == kSample) return ports;
      ports.push_back(static_cast<std::uint16_t>(port));
    }
  }
  return ports;
}

// What may open, by finding id: the drifts that the run shows, and what it may confirm of before.
class Openings {
 public:
  Openings(std::span<const Drift> drifts, std::span<const Finding> findings,
           std::string_view viewpoint) {
    for (const auto& finding : findings) {
      if (finding.viewpoint == viewpoint) findings_.emplace(finding.id, &finding);
    }
    for (const auto& drift : drifts) drifts_.emplace(FindingId(viewpoint, drift), &drift);
    for (const auto& [id, finding] : findings_) {
      const bool waits = finding->state == FindingState::kPending;
      if (waits && finding->drift.kind != DriftKind::kUnexpectedOpen) {
        drifts_.emplace(id, &finding->drift);
      }
    }
  }

  const std::map<std::string, const Drift*>& drifts() const { return drifts_; }

  // Another scan may commit while this run is under way, so that this one's sight may be the one
  // that opens the finding, however often it was seen when the run began.
  bool MayOpen(const std::string& id) const {
    const auto at = findings_.find(id);
    return at == findings_.end() || at->second->state == FindingState::kPending ||
           at->second->state == FindingState::kResolved;
  }

 private:
  std::map<std::string, const Finding*> findings_;
  std::map<std::string, const Drift*> drifts_;
};

// An answer is worth more than silence, and a port that opens more than one that refuses.
int Weight(PortState state) {
  switch (state) {
    case PortState::kOpen:
      return 2;
    case PortState::kClosed:
      return 1;
    case PortState::kFiltered:
    case PortState::kOpenFiltered:
    case PortState::kUnknown:
      return 0;
  }
  return 0;
}

}  // namespace

std::vector<Question> QuestionsAfter(const Snapshot& snapshot, std::span<const Drift> drifts,
                                     std::span<const Finding> findings,
                                     std::string_view viewpoint) {
  const Openings openings(drifts, findings, viewpoint);
  std::vector<Question> deciding;
  std::vector<Question> others;
  for (const auto& [id, drift] : openings.drifts()) {
    if (!openings.MayOpen(id)) continue;
    const bool decides = drift->kind == DriftKind::kUnexpectedOpen;
    auto ports = decides ? std::vector{drift->port} : SampleOf(*drift, snapshot);
    if (ports.empty()) continue;
    (decides ? deciding : others)
        .push_back({id, drift->address, drift->protocol, std::move(ports), decides});
  }
  std::size_t endpoints = deciding.size();
  for (auto& question : others) {
    endpoints += question.ports.size();
    if (endpoints > kMostForEvidence) break;
    deciding.push_back(std::move(question));
  }
  return deciding;
}

void AddAnswers(std::span<const Question> questions, const std::vector<AddressStates>& answers,
                Snapshot& snapshot) {
  Snapshot again;
  again.addresses = answers;
  for (const auto& question : questions) {
    const auto at =
        std::ranges::lower_bound(snapshot.addresses, question.address, {}, &AddressStates::address);
    if (question.decides || at == snapshot.addresses.end() || at->address != question.address) {
      continue;
    }
    auto& seen = at->of(question.protocol);
    for (const auto port : question.ports) {
      const auto before = seen.At(port);
      const auto after = again.At({question.address, question.protocol, port});
      if (!before || !after || Weight(after->state) <= Weight(before->state)) continue;
      PortStates stronger;
      stronger.Append({port, port}, *after);
      seen.Overlay(stronger);
    }
  }
}

}  // namespace postern::daemon
