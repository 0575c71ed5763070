#include "exporters/secret_file.h"

#include <fstream>
#include <string_view>

#include "core/log.h"
#include "exporters/hidden_secrets.h"

namespace postern::exporters {
namespace {

constexpr std::size_t kLongestSecret = 4096;

std::string Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

// Empty where there is none.
std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line(kLongestSecret, '\0');
  file.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(file.gcount()));
  return Trimmed(line.substr(0, line.find('\n')));
}

}  // namespace

Result<std::string> SecretFile::Read() {
  if (path_.empty()) return std::string();
  if (auto secret = FirstLine(path_); !secret.empty()) {
    last_ = std::move(secret);
    HideSecret(last_);
    warned_ = false;
    return last_;
  }
  const Error gone{"secret file " + path_ + " cannot be read or is empty"};
  if (last_.empty()) return gone;
  if (!warned_)
    Log(LogLevel::kWarning, "a secret is gone; using the one before", {{"file", path_}});
  warned_ = true;
  return last_;
}

}  // namespace postern::exporters
