#include "scanner/descriptors.h"

#include <algorithm>
#include <atomic>

#include "core/descriptors.h"

namespace postern::scanner {
namespace {

constexpr std::size_t kMostInFlight = 4096;

std::atomic<std::size_t> running_scans = 0;

}  // namespace

DescriptorShare::DescriptorShare() {
  available_ = ProbeShare(DescriptorLimit());
  ++running_scans;
}

DescriptorShare::~DescriptorShare() { --running_scans; }

std::size_t DescriptorShare::Limit() const {
  const std::size_t scans = std::max<std::size_t>(1, running_scans);
  return std::clamp<std::size_t>(available_ / scans, 1, kMostInFlight);
}

}  // namespace postern::scanner
