// Reloads of the configuration, one at a time: SIGHUP and POST /-/reload ask for them. The slow
// parts run on a thread, so that neither a large policy nor a dead name server stalls a scrape.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "daemon/setup.h"

namespace boost::asio {
class io_context;
}

namespace postern::daemon {

class Reloads {
 public:
  // What is in force now, or why the old setup stays.
  using Outcome = Result<std::string>;

  struct Steps {
    std::function<LoadedSetup()> load;  // on the thread
    // On the io_context's; fails before it changed anything.
    std::function<Outcome(LoadedSetup&&)> apply;
    // What waits for others, on the thread, after a reload that succeeded; on the io_context's
    // where no thread can be started.
    std::function<void()> settle;
  };

  // The io_context must outlive it.
  Reloads(boost::asio::io_context& io, Steps steps) : io_(io), steps_(std::move(steps)) {}

  // More than this wait for no outcome: each may be a connection.
  static constexpr std::size_t kMostWaiting = 16;

  // On the io_context's thread, where `done` is called too. Whoever asks while one is under way
  // gets the outcome of the next: the files may have changed since they were read. False: so many
  // wait for that one that `done` is dropped; it comes all the same.
  bool Request(std::function<void(const Outcome&)> done);

 private:
  void Start();
  void Apply(LoadedSetup&& loaded);
  void Settle();
  void Next();

  boost::asio::io_context& io_;
  const Steps steps_;
  bool running_ = false;
  std::vector<std::function<void(const Outcome&)>> asked_;    // for the next one
  std::vector<std::function<void(const Outcome&)>> waiting_;  // for the one that runs
  std::jthread thread_;  // ends with a post to io_; last: its steps use all of the above
};

}  // namespace postern::daemon
