#include "scanner/udp_paced_host.h"

#include <algorithm>
#include <utility>

namespace postern::scanner {
namespace {

using std::chrono::milliseconds;

// From the beginning of one batch to the next: Linux's second, and a margin so that its next answer
// is due by then.
constexpr milliseconds kPeriod{1020};
// Silence is vouched for only by an answer to a probe sent no later than this: in that time a host
// that answers once a second may become able to answer again, with a probability of one in ten,
// and that three times in a row for the same endpoint in one in a thousand; batches are sent at
// once unless a rate cap stretches them.
constexpr milliseconds kVouchedFor{100};
// A limit whose period is as long as ours would allow an answer between the same two probes of
// every batch, so that the second always vouches for the first, wrongly. So a batch with a vouched
// silence is followed by a longer pause, by up to this much and never the same twice in a row.
constexpr milliseconds kLongestShift{500};
constexpr std::size_t kSmallestBatch = 4;
constexpr std::size_t kFirstBatch = 16;
constexpr std::size_t kLargestBatch = 256;
// After so many seconds without any answer, when even the slowest limits known let one through
// (Linux and Cisco's 500 ms to 1 s), the host has stopped to answer.
constexpr int kMostBarren = 10;

}  // namespace

UdpPacedHost::UdpPacedHost(const std::vector<std::uint64_t>& endpoints, std::uint64_t witness,
                           int tries, std::function<bool(std::uint64_t)> is_undecided)
    : witness_(witness),
      tries_(tries),
      is_undecided_(std::move(is_undecided)),
      batch_size_(kFirstBatch) {
  for (const auto index : endpoints) pending_.push_back({index, 0});
  DropDecided();
  done_ = pending_.empty();
}

std::optional<std::uint64_t> UdpPacedHost::Next(Time now) {
  if (done_ || now < next_) return std::nullopt;
  if (phase_ == Phase::kListening) Conclude();
  if (done_ || now < next_) return std::nullopt;
  phase_ = Phase::kSending;
  DropDecided();
  if (!pending_.empty() && !BatchIsFull(now)) return pending_.front().index;
  if (!batch_.empty()) return witness_;
  done_ = true;
  return std::nullopt;
}

bool UdpPacedHost::BatchIsFull(Time now) const {
  return batch_.size() >= batch_size_ ||
         (!batch_.empty() && now - batch_.front().sent >= kVouchedFor);
}

// Only at the front, where the next to be asked stands: the others are looked at in their turn.
void UdpPacedHost::DropDecided() {
  while (!pending_.empty() && !is_undecided_(pending_.front().index)) pending_.pop_front();
}

void UdpPacedHost::Sent(std::uint64_t index, Time now, std::chrono::microseconds wait) {
  if (index != witness_) {
    batch_.push_back({pending_.front(), now});
    pending_.pop_front();
    return;
  }
  batch_.push_back({{witness_, 0}, now});
  phase_ = Phase::kListening;
  next_ = now + wait;
}

void UdpPacedHost::Unreachable(std::uint64_t index) {
  const auto asked = std::find_if(batch_.begin(), batch_.end(), [index](const Asked& probe) {
    return probe.endpoint.index == index;
  });
  if (asked != batch_.end()) asked->answered = true;
}

void UdpPacedHost::Conclude() {
  const bool vouched = CountSilences();
  SizeNextBatch();
  const bool barren =
      std::none_of(batch_.begin(), batch_.end(), [](const Asked& probe) { return probe.answered; });
  barren_ = barren ? barren_ + 1 : 0;
  phase_ = Phase::kResting;
  next_ = std::max(next_, batch_.front().sent + kPeriod);
  if (vouched) next_ += Shift();
  batch_.clear();
  DropDecided();
  done_ = pending_.empty() || barren_ >= kMostBarren;
}

// Multiples of the golden ratio: neighbours are at least 0.23 of the range apart, and all fill it
// evenly.
milliseconds UdpPacedHost::Shift() {
  constexpr double kGoldenRatio = 0.6180339887;
  shift_ += kGoldenRatio;
  if (shift_ >= 1) shift_ -= 1;
  return milliseconds(static_cast<int>(shift_ * kLongestShift.count()));
}

bool UdpPacedHost::CountSilences() {
  bool any_vouched = false;
  std::optional<Time> voucher;
  std::vector<Pending> again;
  for (auto probe = batch_.rbegin(); probe != batch_.rend(); ++probe) {
    const bool undecided =
        probe->endpoint.index != witness_ && is_undecided_(probe->endpoint.index);
    if (probe->answered) {
      voucher = probe->sent;
      // Its answer proved nothing by itself.
      if (undecided) again.push_back(probe->endpoint);
    } else if (undecided) {
      // The next probe may vouch however late a rate cap let it go.
      const bool next_answered = probe != batch_.rbegin() && std::prev(probe)->answered;
      const bool vouched = voucher && (next_answered || *voucher - probe->sent <= kVouchedFor);
      probe->endpoint.silences += vouched;
      any_vouched |= vouched;
      if (probe->endpoint.silences < tries_) again.push_back(probe->endpoint);
    }
  }
  pending_.insert(pending_.end(), again.rbegin(), again.rend());
  return any_vouched;
}

void UdpPacedHost::SizeNextBatch() {
  if (batch_.back().answered) {
    batch_size_ = std::min(batch_size_ * 2, kLargestBatch);
    return;
  }
  const auto answered = std::count_if(batch_.begin(), batch_.end(),
                                      [](const Asked& probe) { return probe.answered; });
  // None at all says only that it was too early.
  const auto wanted = answered > 0 ? static_cast<std::size_t>(answered) * 2 : batch_size_ / 2;
  batch_size_ = std::clamp(wanted, kSmallestBatch, kLargestBatch);
}

std::vector<std::uint64_t> UdpPacedHost::TakeGivenUp() {
  std::vector<std::uint64_t> given_up;
  for (const auto& asked : batch_) pending_.push_back(asked.endpoint);
  for (const auto& pending : pending_) {
    if (is_undecided_(pending.index)) given_up.push_back(pending.index);
  }
  batch_.clear();
  pending_.clear();
  done_ = true;
  return given_up;
}

}  // namespace postern::scanner
