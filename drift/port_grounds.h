// What a judgement says of findings about ports: whether it saw them, and what that proves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/finding.h"
#include "drift/history_drift.h"
#include "drift/judgement.h"

namespace postern::drift {

// Keeps a reference to the judgement.
class PortGrounds {
 public:
  explicit PortGrounds(const Judgement& judgement);

  // Whether the run itself saw any port of the drift.
  bool IsFresh(const Drift& drift) const;
  // Returns since when the finding cannot be verified because its address is absent.
  std::optional<TimePoint> UnverifiableSince(const Drift& drift) const;
  // How the finding ends without a probe: its endpoint left, or the policy changed its mind about
  // the very state that was last seen.
  std::optional<Resolution> EndOf(const Finding& finding) const;
  // Fresh, trusted evidence that the finding's ports are as the policy wants them. A name stands
  // for all its addresses, so each of them must show it, and no family of the
  // name may have failed to resolve.
  bool Agrees(const Drift& drift) const;
  // The run's own observations of the drift's ports, in words.
  std::string Observed(const Drift& drift) const;
  // Of an event that an earlier run reported.
  EventEvidence EvidenceFor(const Drift& event) const;

 private:
  // The address that the drift was seen at; null if it is no longer the policy's.
  const JudgedAddress* AddressOf(const Drift& drift) const;

  const Judgement& in_;
  std::map<std::string, std::vector<const JudgedAddress*>> addresses_by_subject_;
};

}  // namespace postern::drift
