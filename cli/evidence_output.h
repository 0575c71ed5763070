// Evidence as people read it, and the packets themselves.
#pragma once

#include <string>
#include <vector>

#include "core/evidence.h"
#include "core/result.h"

namespace postern::cli {

// Lines of "name value", each escaped for a terminal; says so where there is none.
std::string EvidenceText(const std::vector<Evidence>& evidence);

// Writes the newest packets among `evidence` to `path`, "-" for standard output.
Result<void> WritePackets(const std::vector<Evidence>& evidence, const std::string& path);

}  // namespace postern::cli
