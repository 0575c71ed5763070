#include "daemon/api.h"

#include <utility>

#include "core/guarded.h"
#include "core/log.h"
#include "daemon/api_query.h"
#include "daemon/api_replies.h"

namespace postern::daemon {

using SteadyClock = std::chrono::steady_clock;

Api::Api(const CurrentSetup& setup, std::string storage_path)
    : setup_(setup), storage_path_(std::move(storage_path)), thread_([this] { Main(); }) {}

Api::~Api() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  wake_.notify_one();
  thread_.join();
}

void Api::Answer(const exporters::HttpRequest& request, const exporters::HttpAnswer& answer) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < kLongestQueue) {
      queue_.push_back({request.target, answer, SteadyClock::now()});
      wake_.notify_one();
      return;
    }
  }
  answer(ApiError(503, "too many requests wait for an answer; try again"));
}

void Api::Main() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const auto answered = Guarded([&] { job.answer(Read(job)); });
    if (!answered) Fail(job, answered.error());
    lock.lock();
  }
}

void Api::Fail(const Job& job, const Error& error) {
  Log(LogLevel::kWarning, "a request of the API ended early", {{"error", error.message}});
  store_.reset();  // opened anew by the next request
  (void)Guarded([&] { job.answer(ApiError(500, error.message)); });
}

exporters::HttpResponse Api::Read(const Job& job) {
  if (SteadyClock::now() - job.came > kLongestWait) {
    return ApiError(503, "other requests took too long; try again");
  }
  const auto query = ParseApiQuery(job.target);
  if (!query) return ApiError(400, query.error().message);
  if (!store_) {
    auto store = storage::Store::Open(storage_path_, storage::Access::kRead);
    if (!store) return ApiError(500, store.error().message);
    store_ = *std::move(store);
  }
  return ReplyTo(*query, *setup_.Get(), *store_);
}

}  // namespace postern::daemon
