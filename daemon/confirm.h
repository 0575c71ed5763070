// The second look: at endpoints that the policy does not allow to be open, which decides whether
// they are, and at those whose findings are about to open for another reason, which is kept as
// their evidence.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/drift.h"
#include "core/evidence.h"
#include "core/time.h"
#include "scanner/rate_limiter.h"
#include "scanner/scan.h"

namespace postern::daemon {

// At most this many endpoints of a run are looked at for evidence: a network that is gone makes
// thousands of findings at once.
inline constexpr std::size_t kMostForEvidence = 64;

// What to ask once more.
struct Question {
  std::string finding_id;
  IpAddress address;
  Protocol protocol = Protocol::kTcp;
  std::vector<std::uint16_t> ports;
  bool decides = false;  // an unexpected_open: being open every time confirms it
};

struct SecondLook {
  std::set<Endpoint> open;                    // of the deciding questions: open every time
  std::vector<AddressStates> answers;         // of all endpoints, to the first time of asking
  std::map<std::string, Exchange> exchanges;  // of the first kMostForEvidence endpoints
  Coverage coverage;                          // what was sent for it
};

class Confirmation {
 public:
  struct Parts {
    scanner::RateLimiter& limiter;
    std::function<bool(const IpAddress&)> may_probe;
    const Clock& clock;
  };

  // `methods`: how many exchanges, the scan's own included, must see an endpoint open.
  Confirmation(Parts parts, int methods) : parts_(std::move(parts)), methods_(methods) {}

  // Asks at least 1 s after the scan: TCP endpoints by a connection of the kernel's from a new
  // source port, UDP ones by a second exchange with a new id. Those that decide are asked
  // `methods` - 1 times, and each at least once. Packets are kept where this process may capture.
  // Nothing is confirmed if stopped meanwhile.
  SecondLook LookAgain(std::span<const Question> questions, const std::stop_token& stop);
  // The same for unexpected_open drifts, other kinds left out, without evidence.
  std::set<Endpoint> ConfirmOpen(std::span<const Drift> drifts, const std::stop_token& stop);

 private:
  scanner::ScanResult Ask(const std::set<Endpoint>& endpoints, const std::stop_token& stop);
  // False if stopped meanwhile.
  bool AskInTurns(std::span<const Question> questions, SecondLook& look,
                  const std::stop_token& stop);

  Parts parts_;
  const int methods_;
};

}  // namespace postern::daemon
