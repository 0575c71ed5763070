#include "scanner/syn_paths.h"

#include <net/if.h>

#include <cerrno>
#include <utility>

#include "core/log.h"
#include "scanner/connect_probe.h"

namespace postern::scanner {
namespace {

// Paths are found again when more targets than this were met.
constexpr std::size_t kMaxKnown = 1 << 20;

std::unique_ptr<Capture> OpenCapture(const std::string& filter) {
  auto capture = Capture::Open(filter, Capture::Direction::kIncoming);
  if (capture) return std::make_unique<Capture>(std::move(*capture));
  Log(LogLevel::kWarning, "replies cannot be captured", {{"detail", capture.error().message}});
  return nullptr;
}

}  // namespace

SynPaths::SynPaths(std::optional<IpAddress> source, std::string interface,
                   const std::string& filter)
    : source_(source),
      interface_(std::move(interface)),
      interface_index_(interface_.empty() ? 0
                                          : static_cast<int>(if_nametoindex(interface_.c_str()))),
      capture_(OpenCapture(filter)),
      watch_(routes_, source_, interface_index_) {}

const SynPaths::Path& SynPaths::To(const IpAddress& target) {
  const auto block = Routes::BlockOf(target);
  auto of_block = blocks_.find(block.base());
  if (of_block == blocks_.end()) {
    if (blocks_.size() >= kMaxKnown) blocks_.clear();
    auto path = routes_.IsMixed(block) ? nullptr : std::make_unique<Path>(Find(target));
    of_block = blocks_.emplace(block.base(), std::move(path)).first;
  }
  if (of_block->second) return *of_block->second;
  if (const auto at = known_.find(target); at != known_.end()) return at->second;
  if (known_.size() >= kMaxKnown) known_.clear();
  return known_.emplace(target, Find(target)).first->second;
}

SynPaths::Path SynPaths::Find(const IpAddress& target) {
  Path path;
  const auto fail = [&](std::string error) {
    path.error = std::move(error);
    return path;
  };
  if (!interface_.empty() && interface_index_ == 0) return fail(ErrnoName(ENODEV));
  const auto answer = routes_.To(target, source_, interface_index_);
  if (!answer.route) return fail(ErrnoName(answer.error));
  if (!capture_) return fail("capture");
  watch_.Add(target, *answer.route);
  path.source = answer.route->source;
  PacketSocket* const socket = SocketOf(target.family());
  if (socket->error() != 0) return fail(ErrnoName(socket->error()));
  path.socket = socket;
  return path;
}

PacketSocket* SynPaths::SocketOf(Family family) {
  const auto [at, is_new] = by_family_.try_emplace(family);
  if (is_new) {
    at->second = sockets_.emplace_back(std::make_unique<PacketSocket>(family, interface_)).get();
  }
  return at->second;
}

}  // namespace postern::scanner
