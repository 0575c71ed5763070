// The thread that owns the store. Work for the store is queued to it and runs in order, so that
// what one piece of work reads, compares and commits is never torn by another.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "storage/store.h"

namespace postern::daemon {

class StorageThread {
 public:
  explicit StorageThread(std::unique_ptr<storage::Store> store);
  // Finishes the queued work first.
  ~StorageThread();
  StorageThread(const StorageThread&) = delete;
  StorageThread& operator=(const StorageThread&) = delete;

  // Runs `work(Store&)` on the thread and returns what it returns; an exception that leaves it
  // leaves this call. Not to be called from the thread itself.
  template <typename Work>
  auto Run(Work work) {
    using Value = decltype(work(std::declval<storage::Store&>()));
    std::promise<Value> promise;
    auto value = promise.get_future();
    Post([&](storage::Store& store) {
      try {
        promise.set_value(work(store));
      } catch (...) {
        promise.set_exception(std::current_exception());
      }
    });
    return value.get();
  }

  // Queues `work` and returns at once.
  void Post(std::function<void(storage::Store&)> work);

 private:
  void Main();

  const std::unique_ptr<storage::Store> store_;  // used by thread_ only
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void(storage::Store&)>> queue_;  // guarded by mutex_
  bool stopping_ = false;                                   // guarded by mutex_
  std::thread thread_;                                      // last: uses all of the above
};

}  // namespace postern::daemon
