// What one run brought, before it is judged. Plain values.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/discovery.h"
#include "core/endpoint.h"
#include "core/evidence.h"
#include "core/snapshot.h"
#include "daemon/signs_of_life.h"
#include "drift/viewpoint_trust.h"
#include "storage/store.h"

namespace postern::daemon {

struct RunEvidence {
  Snapshot snapshot;  // run.id is set; coverage.blind is filled in by judging
  std::vector<drift::CanaryReading> canaries_before;
  std::vector<drift::CanaryReading> canaries_after;
  SignsOfLife signs;
  std::set<Endpoint> confirmed;  // open by a second method too
  // What was asked once more, by the id of the finding that it is evidence of.
  std::map<std::string, Exchange> exchanges;
  std::optional<storage::SweepCursor> cursor;
  std::optional<Discovery> discovery;  // stage `discover` only
};

}  // namespace postern::daemon
