// Hosts that answer no faster than they like (FreeBSD sends 200 resets a second, some firewalls
// fewer): what they leave unanswered is not filtered. They give themselves away by late answers
// that do not die out: of what is lost on the way a second try brings nearly all, of what a limit
// suppressed it brings as much as the first. Such a host is asked again at the speed of its
// answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "core/ip_address.h"
#include "scanner/scan_record.h"

namespace postern::scanner {

// Not thread-safe.
class AnswerLimits {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A host that would take longer than `longest_round` to be asked once more is given up.
  explicit AnswerLimits(Duration longest_round = kMaxSlowHostsWait)
      : longest_round_(longest_round) {}

  // Of a host: how many of its endpoints have answered (open or closed) since the scan began.
  using AnsweredSoFar = std::function<std::uint64_t(const IpAddress&)>;

  // A silent endpoint of the host was asked, or answered (open or closed), in this round. Pending
  // hosts are asked in rounds of their own, when the others are settled.
  void Asked(const IpAddress& host);
  void Answered(const IpAddress& host) {
    if (round_ > 1) ++hosts_[host].answered;
  }
  // Every silent endpoint was asked once more, from `started` on, and had the time to answer: those
  // of pending hosts alone if `whom` says so, else those of all other hosts alone.
  enum class Whom : std::uint8_t { kOthers, kPending };
  void EndRound(Whom whom, Time started, Time now, const AnsweredSoFar& answered_so_far);

  // Some hosts must be asked again, whatever is enough for the others.
  bool AnyPending() const { return pending_ > 0; }
  bool IsPending(const IpAddress& host) const;
  // When such a host may be asked next; `now` for every other one. Take counts that it is.
  Time Ready(const IpAddress& host, Time now) const;
  void Take(const IpAddress& host, Time now);

  // The host answers so slowly that its silent endpoints stay unknown.
  bool IsGivenUp(const IpAddress& host) const;
  bool AnyGivenUp() const { return given_up_ > 0; }
  // Nobody waits for the pending hosts any longer.
  void GiveUpPending();
  // Returns the hosts that were given up, ascending.
  std::vector<IpAddress> GivenUp() const;

 private:
  enum class Kind : std::uint8_t { kOrdinary, kPending, kSettled, kGivenUp };

  struct Host {
    std::uint64_t asked = 0;     // in this round; counted for pending hosts only
    std::uint64_t answered = 0;  // in this round
    std::uint64_t late = 0;      // answered in the second round and after
    Kind kind = Kind::kOrdinary;
    int quiet_rounds = 0;  // without more than a few answers
    int paced_rounds = 0;
    double pace = 0;  // packets a second
    Time next;
  };

  const Host* PendingHost(const IpAddress& host) const;
  static bool AnswersLate(const IpAddress& address, const Host& host,
                          const AnsweredSoFar& answered_so_far);
  void Adjust(Host& host);
  void Become(Host& host, Kind kind);

  // Those that have answered after the first round, in which nearly all do.
  std::unordered_map<IpAddress, Host> hosts_;
  Duration longest_round_;
  int round_ = 1;
  std::size_t pending_ = 0;
  std::size_t given_up_ = 0;
};

// What the hosts that were given up have not answered is unknown, and they are the slow hosts.
void LeaveUnknown(const AnswerLimits& limits, ScanRecord& record);

}  // namespace postern::scanner
