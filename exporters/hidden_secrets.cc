#include "exporters/hidden_secrets.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <set>

namespace postern::exporters {
namespace {

constexpr std::string_view kShown = "[secret]";
// Of the beginning of a secret; what is shorter gives nothing away.
constexpr std::size_t kShortestBeginning = 4;

struct Secrets {
  std::mutex mutex;
  std::set<std::string, std::greater<>> all;  // guarded by mutex; a longer one before its beginning
};

Secrets& Known() {
  static Secrets secrets;
  return secrets;
}

void HideWhole(std::string_view secret, std::string& text) {
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), kShown);
    at += kShown.size();
  }
}

void HideBeginning(std::string_view secret, std::string& text) {
  for (auto size = std::min(secret.size(), text.size()); size >= kShortestBeginning; --size) {
    if (!text.ends_with(secret.substr(0, size))) continue;
    text.replace(text.size() - size, size, kShown);
    return;
  }
}

}  // namespace

void HideSecret(std::string_view secret) {
  if (secret.empty()) return;
  auto& known = Known();
  const std::lock_guard lock(known.mutex);
  known.all.emplace(secret);
}

std::string WithoutSecrets(std::string text) {
  auto& known = Known();
  const std::lock_guard lock(known.mutex);
  for (const auto& secret : known.all) HideWhole(secret, text);
  for (const auto& secret : known.all) HideBeginning(secret, text);
  return text;
}

}  // namespace postern::exporters
