// What people read about a finding, in mails and tickets. Pure functions. What may come from the
// network or from a policy is one line each, of a bounded length: it cannot pretend to be another
// line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/finding.h"

namespace postern::exporters {

// Of what stands in a line, in bytes.
constexpr std::size_t kLongestValue = 1000;

// One line of at most `size` bytes, no character cut in two.
std::string OneLine(std::string_view text, std::size_t size);

// "name          value\n"; nothing where there is no value.
std::string FactLine(std::string_view name, std::string_view value);

// "nobody" for a finding without an owner.
std::string OwnerText(const Drift& drift);

// What became of the finding besides its drift: "open", "resolved: fixed, closed (rst)",
// "acknowledged by alice until ...: moving it".
std::string StateText(const Finding& finding);

// Every fact of the finding but its summary, a FactLine each.
std::string FindingFacts(const Finding& finding);

}  // namespace postern::exporters
