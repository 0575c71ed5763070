#include "daemon/reloads.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/guarded.h"
#include "core/log.h"

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
  const auto started = Guarded([this] {
    thread_ = std::jthread([this] {
      auto loaded = std::make_shared<LoadedSetup>();
      const auto read = Guarded([&] { *loaded = steps_.load(); });
      if (!read) loaded->unreadable = read.error().message;
      asio::post(io_, [this, loaded] { Apply(std::move(*loaded)); });
    });
  });
  if (started) return;
  LoadedSetup none;
  none.unreadable = "the reload has no thread: " + started.error().message;
  Apply(std::move(none));
}

void Reloads::Apply(LoadedSetup&& loaded) {
  const auto outcome = steps_.apply(std::move(loaded));
  for (const auto& done : std::exchange(waiting_, {})) done(outcome);
  if (!outcome) return Next();
  const auto started = Guarded([this] {
    thread_ = std::jthread([this] {
      Settle();
      asio::post(io_, [this] { Next(); });
    });
  });
  if (started) return;
  Settle();
  Next();
}

void Reloads::Settle() {
  if (const auto settled = Guarded([this] { steps_.settle(); }); !settled) {
    Log(LogLevel::kError, "a reload could not be finished; reload again",
        {{"error", settled.error().message}});
  }
}

void Reloads::Next() {
  running_ = false;
  if (!asked_.empty()) Start();
}

}  // namespace postern::daemon
