#include "daemon/reloads.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace postern::daemon {

namespace asio = boost::asio;

bool Reloads::Request(std::function<void(const Outcome&)> done) {
  if (asked_.size() == kMostWaiting) return false;
  asked_.push_back(std::move(done));
  if (!running_) Start();
  return true;
}

void Reloads::Start() {
  running_ = true;
  waiting_ = std::exchange(asked_, {});
  thread_ = std::jthread([this] {
    auto loaded = std::make_shared<LoadedSetup>(steps_.load());
    asio::post(io_, [this, loaded] { Apply(std::move(*loaded)); });
  });
}

void Reloads::Apply(LoadedSetup&& loaded) {
  const auto outcome = steps_.apply(std::move(loaded));
  for (const auto& done : std::exchange(waiting_, {})) done(outcome);
  if (!outcome) return Next();
  thread_ = std::jthread([this] {
    steps_.settle();
    asio::post(io_, [this] { Next(); });
  });
}

void Reloads::Next() {
  running_ = false;
  if (!asked_.empty()) Start();
}

}  // namespace postern::daemon
