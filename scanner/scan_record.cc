#include "scanner/scan_record.h"

#include <algorithm>
#include <utility>

namespace postern::scanner {
namespace {

// More verdicts than the protocols define; only a peer that makes up ICMP codes meets it.
constexpr std::size_t kMostVerdicts = 256;

bool IsIcmp(const Reason& reason) {
  return reason.kind == Reason::Kind::kIcmp || reason.kind == Reason::Kind::kIcmp6;
}

// Joins entries of the same address, which come of plans that name it in several groups.
std::vector<AddressStates> SortedAndMerged(std::vector<AddressStates> parts) {
  std::stable_sort(parts.begin(), parts.end(), [](const AddressStates& a, const AddressStates& b) {
    return a.address < b.address;
  });
  std::vector<AddressStates> merged;
  for (auto& part : parts) {
    if (merged.empty() || merged.back().address != part.address) {
      merged.push_back(std::move(part));
      continue;
    }
    for (const auto protocol : kProtocols) merged.back().of(protocol).Overlay(part.of(protocol));
  }
  return merged;
}

}  // namespace

// The verdicts that stand in for others of their state when the table is full come first.
ScanRecord::ScanRecord(const ScanPlan& plan)
    : plan_(plan),
      codes_(plan.size()),
      verdicts_{{},
                {PortState::kUnknown, {Reason::Kind::kLocalError}},
                {PortState::kUnknown, {Reason::Kind::kNoResponse}},
                {PortState::kOpen, {Reason::Kind::kSynAck}},
                {PortState::kClosed, {Reason::Kind::kReset}},
                {PortState::kFiltered, {Reason::Kind::kNoResponse}}} {
  coverage_.asked = plan.size();
}

ScanRecord::Code ScanRecord::CodeOf(const Verdict& verdict) {
  auto found = std::find(verdicts_.begin(), verdicts_.end(), verdict);
  if (found == verdicts_.end() && verdicts_.size() < kMostVerdicts) {
    found = verdicts_.insert(found, verdict);
  } else if (found == verdicts_.end()) {
    found = std::find_if(verdicts_.begin(), verdicts_.end(), [&](const Verdict& other) {
      return other.state == verdict.state && Silent(other) == Silent(verdict);
    });
  }
  return static_cast<Code>(found - verdicts_.begin());
}

void ScanRecord::Set(std::uint64_t index, const Verdict& verdict) {
  const Verdict before = VerdictOf(index);
  decided_ = decided_ - !Undecided(before) + !Undecided(verdict);
  silent_ = silent_ - Silent(before) + Silent(verdict);
  answering_ = answering_ - Answering(before) + Answering(verdict);
  codes_[index] = CodeOf(verdict);
}

std::uint64_t ScanRecord::AnsweringOf(const IpAddress& address) const {
  std::uint64_t answering = 0;
  for (const auto& [first, count] : plan_.IndicesOf(address)) {
    for (auto index = first; index < first + count; ++index)
      answering += Answering(VerdictOf(index));
  }
  return answering;
}

void ScanRecord::Answer(std::uint64_t index, const Endpoint& endpoint, const Reply& reply) {
  const auto& verdict = reply.verdict;
  const bool undecided = IsSilence(verdict.reason);
  Set(index, {undecided ? PortState::kUnknown : verdict.state, verdict.reason});
  ++coverage_.replies;
  if (verdict.state == PortState::kOpen) {
    open_.push_back({endpoint, verdict, reply.rtt, reply.ttl});
  }
  if (!IsIcmp(verdict.reason)) {
    ++(reply.to_first_packet ? replies_to_first_ : replies_to_later_);
  }
}

void ScanRecord::Silence(std::uint64_t index) {
  if (Silent(VerdictOf(index))) return;
  Set(index, {PortState::kUnknown, {Reason::Kind::kNoResponse}});
}

void ScanRecord::NoNeighbour(std::uint64_t index) {
  Set(index, {PortState::kUnknown, {Reason::Kind::kNoNeighbour}});
}

void ScanRecord::LocalError(std::uint64_t index) {
  Set(index, {PortState::kUnknown, {Reason::Kind::kLocalError}});
}

void ScanRecord::NotProbed(std::uint64_t index) { Set(index, {}); }

void ScanRecord::CountSent(bool again) {
  ++coverage_.probes_sent;
  if (again) ++coverage_.retransmits;
}

double ScanRecord::EstimatedLoss() const {
  const auto all = replies_to_first_ + replies_to_later_;
  return all == 0 ? 0 : static_cast<double>(replies_to_later_) / static_cast<double>(all);
}

ScanProgress ScanRecord::Progress() const {
  return {decided_, plan_.size(), open_.size(), coverage_.probes_sent};
}

Verdict ScanRecord::Final(const Verdict& verdict, Protocol protocol, bool complete) {
  if (!Silent(verdict)) return verdict;
  const auto kind = verdict.reason.kind;
  if (kind != Reason::Kind::kNoResponse && kind != Reason::Kind::kNoNeighbour) {
    return {PortState::kFiltered, verdict.reason};
  }
  if (!complete) return {};
  return {protocol == Protocol::kTcp ? PortState::kFiltered : PortState::kOpenFiltered,
          verdict.reason};
}

std::vector<AddressStates> ScanRecord::States(bool complete) const {
  std::vector<AddressStates> parts;
  std::optional<Endpoint> last;
  for (std::uint64_t i = 0; i < plan_.size(); ++i) {
    const auto endpoint = plan_.At(i);
    // Within an address of a group, endpoints ascend; anything else begins a new part.
    if (!last || endpoint.address != last->address || endpoint <= *last) {
      parts.push_back({endpoint.address, {}});
    }
    last = endpoint;
    parts.back()
        .of(endpoint.protocol)
        .Append({endpoint.port, endpoint.port}, Final(VerdictOf(i), endpoint.protocol, complete));
  }
  return SortedAndMerged(std::move(parts));
}

ScanResult ScanRecord::Finish(bool complete) && {
  ScanResult result;
  result.addresses = States(complete);
  std::sort(open_.begin(), open_.end(),
            [](const Observation& a, const Observation& b) { return a.endpoint < b.endpoint; });
  result.open = std::move(open_);
  result.coverage = std::move(coverage_);
  result.coverage.estimated_loss = EstimatedLoss();
  if (complete && silent_ > 0) result.coverage.miss_probability = miss_probability_;
  result.coverage.complete = complete;
  for (const auto& address : result.addresses) {
    for (const auto protocol : kProtocols) {
      result.coverage.unknown += address.of(protocol).Count(PortState::kUnknown);
    }
  }
  return result;
}

}  // namespace postern::scanner
