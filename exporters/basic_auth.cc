#include "exporters/basic_auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "core/digest.h"
#include "core/guarded.h"
#include "core/log.h"

namespace postern::exporters {
namespace {

constexpr std::string_view kScheme = "basic ";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsBasic(std::string_view header) {
  return header.size() >= kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), header.begin(),
                    [](char wanted, char c) { return wanted == Lower(c); });
}

// Without a secret key the digests would be hashes of passwords that are quickly guessed at.
std::string RandomKey() {
  std::array<char, 32> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    std::abort();  // getrandom(2): up to 256 bytes never fail once the kernel is up
  }
  return {bytes.begin(), bytes.end()};
}

bool Matches(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  const std::string_view result = made != nullptr ? made : "";
  const bool same =
      result.size() == hash.size() && CRYPTO_memcmp(result.data(), hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(data.get(), sizeof *data);
  return same;
}

}  // namespace

std::optional<Credentials> ParseBasicAuth(std::string_view header) {
  if (!IsBasic(header)) return std::nullopt;
  const auto decoded = DecodeBase64(header.substr(kScheme.size()));
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');
  // bcrypt reads a password to its first NUL: what stands behind it would not count.
  if (colon == std::string::npos || decoded->find('\0') != std::string::npos) return std::nullopt;
  return Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

BasicAuth::BasicAuth() : key_(RandomKey()), thread_([this] { Main(); }) {}

BasicAuth::~BasicAuth() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wake_.notify_one();
  thread_.join();
}

// Whoever does not exist is checked against the hash of somebody who does, always the same for a
// name: costs that differ among the users then tell nothing of who is one.
BasicAuth::Job BasicAuth::MakeJob(const Credentials& credentials, const HttpUsers& users) const {
  auto user = users.find(credentials.user);
  const bool known = user != users.end();
  if (!known) {
    const auto digest = HmacSha256Base64(key_, credentials.user);
    const auto number = std::hash<std::string>{}(digest) % users.size();
    user = std::next(users.begin(), static_cast<std::ptrdiff_t>(number));
  }
  // The hash has a fixed length and a name no NUL, so that nothing else gives the same text.
  const auto digest = HmacSha256Base64(
      key_, user->second + credentials.user + std::string(1, '\0') + credentials.password);
  return {credentials.password, user->second, known, digest, {}};
}

std::optional<BasicAuth::Verdict> BasicAuth::Check(const std::string& client,
                                                   const Credentials& credentials,
                                                   const HttpUsers& users,
                                                   std::function<void(Verdict)> then) {
  auto job = MakeJob(credentials, users);
  job.then = std::move(then);
  {
    const std::lock_guard lock(mutex_);
    if (job.known && remembered_.contains(job.digest)) return Verdict::kRight;
    if (!Enqueue(client, std::move(job))) return Verdict::kBusy;
  }
  wake_.notify_one();
  return std::nullopt;
}

bool BasicAuth::Enqueue(const std::string& client, Job&& job) {
  if (queued_ == kMaxQueue) return false;
  auto& jobs = waiting_[client];
  if (jobs.size() == kMaxOfClient) return false;
  if (jobs.empty()) turns_.push_back(client);
  jobs.push_back(std::move(job));
  ++queued_;
  return true;
}

// REQUIRES: turns_ is not empty.
BasicAuth::Job BasicAuth::TakeNext() {
  const auto client = std::move(turns_.front());
  turns_.pop_front();
  const auto at = waiting_.find(client);
  Job job = std::move(at->second.front());
  at->second.pop_front();
  --queued_;
  if (at->second.empty()) {
    waiting_.erase(at);
  } else {
    turns_.push_back(client);
  }
  return job;
}

BasicAuth::Verdict BasicAuth::VerdictOf(const Job& job) {
  if (!Matches(job.password, job.hash) || !job.known) return Verdict::kWrong;
  const std::lock_guard lock(mutex_);
  if (remembered_.size() >= kMostRemembered) remembered_.clear();
  remembered_.insert(job.digest);
  return Verdict::kRight;
}

void BasicAuth::Main() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (stopping_) return;
    const Job job = TakeNext();
    lock.unlock();
    Verdict verdict = Verdict::kBusy;
    const auto checked = Guarded([&] { verdict = VerdictOf(job); });
    const auto told = Guarded([&] { job.then(verdict); });
    for (const auto& failed : {checked, told}) {
      if (!failed) {
        Log(LogLevel::kWarning, "a password was not checked", {{"error", failed.error().message}});
      }
    }
    lock.lock();
  }
}

}  // namespace postern::exporters
