// A finding as JSON: what `postern findings list --format jsonl` prints and what a webhook is sent.
// Readers must bear new keys; the ones here keep their meaning (docs/webhook.schema.json).
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "core/change_window.h"
#include "core/evidence.h"
#include "core/finding.h"

namespace postern::exporters {

// Text from the network is valid UTF-8.
boost::json::object FindingObject(const Finding& finding);
// The same on one line, with the member `held` where news of it wait for the end of a window of
// change.
std::string FindingJson(const Finding& finding, const HeldNews* held = nullptr);
// The same with the member `evidence`, the packets themselves left out.
std::string FindingJson(const Finding& finding, const std::vector<Evidence>& evidence,
                        const HeldNews* held = nullptr);

}  // namespace postern::exporters
