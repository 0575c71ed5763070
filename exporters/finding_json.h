// A finding as JSON: what `postern findings list --format jsonl` prints and what a webhook is sent.
// Readers must bear new keys; the ones here keep their meaning (docs/webhook.schema.json).
#pragma once

#include <string>

#include "core/finding.h"

namespace postern::exporters {

// One object on one line. Text from the network is valid UTF-8.
std::string FindingJson(const Finding& finding);

}  // namespace postern::exporters
