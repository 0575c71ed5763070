#include "exporters/secret_file.h"

#include <utility>

#include "core/log.h"
#include "core/secret_file.h"
#include "exporters/hidden_secrets.h"

namespace postern::exporters {

Result<std::string> KeptFile::Read() {
  if (path_.empty()) return std::string();
  auto text = read_(path_);
  if (text) {
    last_ = *std::move(text);
    warned_ = false;
    return last_;
  }
  if (last_.empty()) return Error{"secret file " + path_ + ": " + text.error().message};
  if (!warned_) {
    Log(LogLevel::kWarning,
        "a file of a secret or certificate cannot be used; using what it held before",
        {{"file", path_}, {"error", text.error().message}});
  }
  warned_ = true;
  return last_;
}

SecretFile::SecretFile(std::string path) : file_(std::move(path), &ReadSecretFile) {}

Result<std::string> SecretFile::Read() {
  auto secret = file_.Read();
  if (secret) HideSecret(*secret);
  return secret;
}

}  // namespace postern::exporters
