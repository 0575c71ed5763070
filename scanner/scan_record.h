// What a running scan has learnt: a byte for each endpoint, which stands for its verdict, and the
// counts that become its coverage.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scanner/scan.h"

namespace postern::scanner {

// An answer from the network.
struct Reply {
  Verdict verdict;
  std::optional<std::chrono::microseconds> rtt;  // open ones only
  bool to_first_packet = true;                   // sent to its endpoint
  std::optional<std::uint8_t> ttl{};
};

// Not thread-safe.
class ScanRecord {
 public:
  // `plan` must outlive the record.
  explicit ScanRecord(const ScanPlan& plan);

  // The endpoint has neither a verdict nor a local error yet.
  bool IsUndecided(std::uint64_t index) const { return Undecided(VerdictOf(index)); }
  PortState StateOf(std::uint64_t index) const { return VerdictOf(index).state; }
  // Everything that the endpoint was sent has met silence so far.
  bool IsSilent(std::uint64_t index) const { return Silent(VerdictOf(index)); }
  // How many endpoints of the address have answered, open or closed.
  std::uint64_t AnsweringOf(const IpAddress& address) const;
  // Number of undecided endpoints with at least one silent try.
  std::uint64_t silent() const { return silent_; }
  // Endpoints that answered, or may yet: a wrong silence can befall each of them, so that their
  // number decides how often silence is asked again.
  std::uint64_t at_stake() const { return silent_ + answering_; }

  // One that says no more than silence (IsSilence) leaves the endpoint undecided, so that it is
  // tried again, but is its verdict if nothing better comes.
  void Answer(std::uint64_t index, const Endpoint& endpoint, const Reply& reply);
  void Silence(std::uint64_t index);
  // Nobody answers for the endpoint's address on its link: a silence whose cause is known.
  void NoNeighbour(std::uint64_t index);
  // This machine could not probe the endpoint; it stays unknown.
  void LocalError(std::uint64_t index);
  // The endpoint may not be probed: it stays unknown, whatever was learnt before.
  void NotProbed(std::uint64_t index);

  // `again`: not the endpoint's first packet.
  void CountSent(bool again);
  void CountSendError(std::string name) { ++coverage_.send_errors[std::move(name)]; }
  // Replies that were lost on this machine, so far.
  void SetCaptureDrops(std::uint64_t drops) { coverage_.capture_drops = drops; }

  // A probe to an endpoint that is known to answer, and whether it did.
  void CountTiming(bool answered) { ++(answered ? replies_to_first_ : replies_to_later_); }

  // The share of answering endpoints that answered only to a later packet than the first. ICMP
  // errors have no part in it, since they are rate-limited by standard (RFC 1812, section 4.3.2.8;
  // RFC 4443, section 2.4).
  double EstimatedLoss() const;
  ScanProgress Progress() const;
  const ScanPlan& plan() const { return plan_; }
  // Ascending; what they have not answered is not decided by this scan.
  void SetSlowHosts(std::vector<IpAddress> hosts) { coverage_.slow_hosts = std::move(hosts); }
  void SetHeldBack(BoundTimes times) { coverage_.held_back = std::move(times); }
  // Of an endpoint that answers: that it is silent only since all it was sent was lost.
  void SetMissProbability(double probability) { miss_probability_ = probability; }
  // With `complete` what is still silent becomes filtered (UDP: open_filtered), else unknown.
  ScanResult Finish(bool complete) &&;

 private:
  // Stands for a verdict: its position in verdicts_.
  using Code = std::uint8_t;

  static bool Answering(const Verdict& verdict) {
    return verdict.state == PortState::kOpen || verdict.state == PortState::kClosed;
  }
  // While the scan runs an undecided verdict is unknown; its reason tells what the tries have
  // given.
  static bool Undecided(const Verdict& verdict) {
    return verdict.state == PortState::kUnknown && verdict.reason.kind != Reason::Kind::kLocalError;
  }
  static bool Silent(const Verdict& verdict) {
    return Undecided(verdict) && verdict.reason.kind != Reason::Kind::kNotProbed;
  }

  const Verdict& VerdictOf(std::uint64_t index) const { return verdicts_[codes_[index]]; }
  Code CodeOf(const Verdict& verdict);
  void Set(std::uint64_t index, const Verdict& verdict);
  static Verdict Final(const Verdict& verdict, Protocol protocol, bool complete);
  std::vector<AddressStates> States(bool complete) const;

  const ScanPlan& plan_;
  std::vector<Code> codes_;
  std::vector<Verdict> verdicts_;  // grows only
  std::vector<Observation> open_;
  Coverage coverage_;
  std::uint64_t decided_ = 0;
  std::uint64_t silent_ = 0;
  std::uint64_t answering_ = 0;
  std::uint64_t replies_to_first_ = 0;
  std::uint64_t replies_to_later_ = 0;
  double miss_probability_ = 0;
};

}  // namespace postern::scanner
