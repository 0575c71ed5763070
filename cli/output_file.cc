#include "cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace postern::cli {
namespace {

namespace fs = std::filesystem;

Error CannotWrite(const std::string& path) {
  return Error{"cannot write '" + path + "': " + std::strerror(errno)};
}

// The file that is replaced keeps whose it is and who may read it.
void KeepOwnerAndMode(const std::string& replaced, int fd) {
  struct stat before {};
  if (fd < 0 || stat(replaced.c_str(), &before) != 0) return;
  (void)!fchown(fd, before.st_uid, before.st_gid);  // only root may, and needs to
  (void)!fchmod(fd, before.st_mode & 0777);
}

}  // namespace

Result<void> WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error{std::strerror(errno)};
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<OutputFile> OutputFile::Create(const std::string& path) {
  std::error_code error;
  OutputFile file;
  const fs::path real = fs::canonical(path, error);
  file.path_ = error ? path : real.string();
  const auto type = fs::status(file.path_, error).type();
  if (type == fs::file_type::not_found || type == fs::file_type::regular) {
    file.temporary_ = file.path_ + ".part-" + std::to_string(getpid());
    file.fd_ = open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    KeepOwnerAndMode(file.path_, file.fd_);
  } else {
    file.fd_ = open(file.path_.c_str(), O_WRONLY | O_CLOEXEC);
  }
  if (file.fd_ < 0) {
    file.temporary_.clear();
    return CannotWrite(path);
  }
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<void> OutputFile::Commit(std::string_view text) {
  if (auto written = WriteAll(fd_, text); !written) {
    return Error{"cannot write '" + path_ + "': " + written.error().message};
  }
  if (close(std::exchange(fd_, -1)) != 0) return CannotWrite(path_);
  if (temporary_.empty()) return {};
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return CannotWrite(path_);
  temporary_.clear();
  return {};
}

}  // namespace postern::cli
