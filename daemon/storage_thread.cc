#include "daemon/storage_thread.h"

#include "core/guarded.h"
#include "core/log.h"

namespace postern::daemon {

StorageThread::StorageThread(std::unique_ptr<storage::Store> store)
    : store_(std::move(store)), thread_([this] { Main(); }) {}

StorageThread::~StorageThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void StorageThread::Post(std::function<void(storage::Store&)> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void StorageThread::Main() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    if (const auto done = Guarded([&] { work(*store_); }); !done) {
      Log(LogLevel::kError, "work on the store ended early", {{"error", done.error().message}});
    }
    lock.lock();
  }
}

}  // namespace postern::daemon
