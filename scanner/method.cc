#include "scanner/method.h"

#include <array>
#include <utility>

#include "scanner/connect_scan.h"
#include "scanner/syn_scan.h"

namespace postern::scanner {
namespace {

bool UsesSyn(Method method) {
  return method == Method::kSyn || (method == Method::kAuto && MaySendRaw());
}

}  // namespace

std::optional<Method> ParseMethod(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Method>, 3> kMethods = {
      {{"auto", Method::kAuto}, {"syn", Method::kSyn}, {"connect", Method::kConnect}}};
  for (const auto& [name, method] : kMethods) {
    if (name == text) return method;
  }
  return std::nullopt;
}

ScanResult Scan(const ScanRequest& request, Method method, RateLimiter& limiter,
                const std::stop_token& stop) {
  return UsesSyn(method) ? SynScan(request, limiter, stop) : ConnectScan(request, limiter, stop);
}

}  // namespace postern::scanner
