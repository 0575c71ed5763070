// The read-only API over HTTP. It reads the store through a connection of its own on a thread of
// its own, one request after the other, so that a large answer delays neither a scrape nor a
// commit.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/setup.h"
#include "exporters/http_server.h"
#include "storage/store.h"

namespace postern::daemon {

class Api {
 public:
  // More than this wait for no answer.
  static constexpr std::size_t kLongestQueue = 16;
  // What waited longer is not begun: its client has most likely gone.
  static constexpr auto kLongestWait = std::chrono::seconds(5);

  // `setup` must outlive it.
  Api(const CurrentSetup& setup, std::string storage_path);
  // Drops what is queued, and waits for what is being answered.
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // Thread-safe. `answer` is called on the API's thread, or at once where the queue is full.
  void Answer(const exporters::HttpRequest& request, const exporters::HttpAnswer& answer);

 private:
  struct Job {
    std::string target;
    exporters::HttpAnswer answer;
    std::chrono::steady_clock::time_point came;
  };

  void Main();
  exporters::HttpResponse Read(const Job& job);
  void Fail(const Job& job, const Error& error);

  const CurrentSetup& setup_;
  const std::string storage_path_;
  std::unique_ptr<storage::Store> store_;  // used by thread_ only; null until it could be opened
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // last: uses all of the above
};

}  // namespace postern::daemon
