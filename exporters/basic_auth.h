// Users and passwords of the HTTP server: Basic authentication (RFC 7617) against bcrypt hashes.
//
// bcrypt is slow on purpose (some 70 ms at cost 10), so it runs on a thread of its own with a short
// queue, and what was right once is remembered under a keyed digest, never as the password: a
// client that asks every 15 s costs one bcrypt in all, and one that guesses cannot keep it out.
//
// Thread-safe, but to be destroyed by no thread that it calls back on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>

namespace postern::exporters {

// bcrypt hashes ($2a$, $2b$, $2y$) by user name.
using HttpUsers = std::map<std::string, std::string>;

struct Credentials {
  std::string user;
  std::string password;
};

// Of an Authorization header; none if it is no Basic one.
std::optional<Credentials> ParseBasicAuth(std::string_view header);

class BasicAuth {
 public:
  enum class Verdict : std::uint8_t { kRight, kWrong, kBusy };

  // So many of one client wait at once, and of all together. Clients take turns, so that one that
  // guesses makes another wait for one check of its own at most.
  static constexpr std::size_t kMaxOfClient = 8;
  static constexpr std::size_t kMaxQueue = 64;
  // Right answers that are remembered; beyond it they are forgotten all together.
  static constexpr std::size_t kMostRemembered = 1000;

  BasicAuth();
  // Drops what is queued, and waits for the one that is being checked.
  ~BasicAuth();
  BasicAuth(const BasicAuth&) = delete;
  BasicAuth& operator=(const BasicAuth&) = delete;

  // The verdict at once where it is remembered or the queue is full; else none, and `then` is
  // called with it on the thread of the checks. A user who does not exist takes the time of one who
  // does.
  std::optional<Verdict> Check(const std::string& client, const Credentials& credentials,
                               const HttpUsers& users, std::function<void(Verdict)> then);

 private:
  struct Job {
    std::string password;
    std::string hash;
    bool known = false;  // whether there is such a user
    std::string digest;
    std::function<void(Verdict)> then;
  };

  Job MakeJob(const Credentials& credentials, const HttpUsers& users) const;
  void Main();
  bool Enqueue(const std::string& client, Job&& job);
  Job TakeNext();
  Verdict VerdictOf(const Job& job);

  const std::string key_;  // random; of the digests
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, std::deque<Job>> waiting_;  // by client, none empty; guarded by mutex_
  std::deque<std::string> turns_;     // each client that waits, once; guarded by mutex_
  std::size_t queued_ = 0;            // jobs in waiting_; guarded by mutex_
  std::set<std::string> remembered_;  // digests of what was right; guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
  std::thread thread_;                // last: uses all of the above
};

}  // namespace postern::exporters
