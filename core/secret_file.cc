#include "core/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/text_encoding.h"

namespace postern {
namespace {

constexpr std::size_t kMaxSecret = 4096;
constexpr std::size_t kMaxPem = std::size_t{1} << 20U;

class Descriptor {
 public:
  // Does not wait for a writer where the path is that of a pipe.
  explicit Descriptor(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

Error CannotRead() { return {std::string("cannot read it: ") + std::strerror(errno)}; }

// Without a byte order mark; an error where it is longer than `most`.
Result<std::string> ReadSmallFile(const std::string& path, std::size_t most) {
  const Descriptor file(path);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return CannotRead();
  if (!S_ISREG(status.st_mode)) return Error{"cannot read it: it is no regular file"};
  std::string text(most + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return CannotRead();
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  if (size > most) return Error{"it has more than " + std::to_string(most) + " bytes"};
  if (auto problem = Utf16Problem(text)) return Error{*std::move(problem)};
  return std::string(WithoutByteOrderMark(text));
}

}  // namespace

Result<std::string> ReadSecretFile(const std::string& path) {
  const auto text = ReadSmallFile(path, kMaxSecret);
  if (!text) return text.error();
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text->find_first_not_of(kSpace);
  if (first == std::string::npos) return Error{"it is empty"};
  auto secret = text->substr(first, text->find('\n', first) - first);
  secret.resize(secret.find_last_not_of(kSpace) + 1);
  const bool has_control = std::ranges::any_of(
      secret, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  if (has_control) return Error{"it holds a control character"};
  return secret;
}

Result<std::string> ReadPemFile(const std::string& path) {
  auto text = ReadSmallFile(path, kMaxPem);
  if (!text || text->find("-----BEGIN ") != std::string::npos) return text;
  return Error{text->empty() ? "it is empty" : "it is no PEM file"};
}

bool MayEverybodyRead(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

}  // namespace postern
