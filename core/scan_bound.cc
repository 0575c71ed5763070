#include "core/scan_bound.h"

#include "core/enum_names.h"

namespace postern {
namespace {

constexpr EnumNames<ScanBound, 8> kScanBounds = {{
    {ScanBound::kRate, "rate"},
    {ScanBound::kHostRate, "host_rate"},
    {ScanBound::kNetworkRate, "network_rate"},
    {ScanBound::kSpread, "spread"},
    {ScanBound::kPath, "path"},
    {ScanBound::kReplyLimit, "reply_limit"},
    {ScanBound::kSilence, "silence"},
    {ScanBound::kMachine, "machine"},
}};

}  // namespace

std::string_view ToString(ScanBound bound) { return NameOf(kScanBounds, bound); }

std::optional<ScanBound> ParseScanBound(std::string_view text) {
  return ValueOf(kScanBounds, text);
}

}  // namespace postern
