#include "daemon/run_info.h"

#include <random>
#include <utility>

namespace postern::daemon {
namespace {

std::uint64_t RandomSeed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

RunInfo NewRun(const Setup& setup, std::string scan, Stage stage, TimePoint now) {
  RunInfo info;
  info.scan = std::move(scan);
  info.stage = stage;
  info.viewpoint = setup.config.viewpoint;
  info.policy_hash = setup.policy->hash;
  info.program_version = POSTERN_VERSION;
  info.seed = RandomSeed();
  info.started = now;
  return info;
}

}  // namespace postern::daemon
