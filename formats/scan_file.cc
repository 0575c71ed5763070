#include "formats/scan_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "core/text_encoding.h"
#include "formats/nmap_xml_reader.h"
#include "formats/scan_jsonl_reader.h"

namespace postern::formats {
namespace {

// An open file; closes it.
class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ >= 0) posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }

  bool is_open() const { return fd_ >= 0; }

  Result<std::size_t> Read(std::span<char> out) const {
    for (;;) {
      const auto count = read(fd_, out.data(), out.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return Error{std::string("cannot be read: ") + std::strerror(errno)};
    }
  }

 private:
  int fd_;
};

// The source with what was already taken from it in front.
ByteSource Joined(std::string taken, ByteSource rest) {
  return [taken = std::move(taken), at = std::size_t{0},
          rest = std::move(rest)](std::span<char> out) mutable -> Result<std::size_t> {
    if (at == taken.size()) return rest(out);
    const auto count = std::min(out.size(), taken.size() - at);
    std::copy_n(taken.begin() + static_cast<std::ptrdiff_t>(at), count, out.begin());
    at += count;
    return count;
  };
}

}  // namespace

Result<ObservedScan> ReadScan(ByteSource source) {
  // Spaces may lie before the first character, but not without end.
  constexpr std::size_t kMostSpaces = 4096;
  constexpr std::size_t kLongestMark = 3;
  std::string taken;
  std::size_t first = std::string::npos;
  while (first == std::string::npos && taken.size() < kMostSpaces) {
    std::array<char, kMostSpaces> piece{};
    const auto count = source(piece);
    if (!count) return count.error();
    if (*count == 0) break;
    taken.append(piece.data(), *count);
    if (taken.size() < kLongestMark) continue;
    first = WithoutByteOrderMark(taken).find_first_not_of(" \t\r\n");
  }
  if (const auto problem = Utf16Problem(taken)) return Error{*problem};
  taken = WithoutByteOrderMark(taken);
  first = taken.find_first_not_of(" \t\r\n");
  const char kind = first == std::string::npos ? '\0' : taken[first];
  auto joined = Joined(std::move(taken), std::move(source));
  if (kind == '<') return ReadNmapXml(std::move(joined));
  if (kind == '{') return ReadScanJsonLines(std::move(joined));
  return Error{
      "this is no scan: expected nmap XML (nmap -oX, postern scan --format nmap-xml) or the JSON "
      "lines of postern scan --format jsonl"};
}

Result<ObservedScan> ReadScanFile(const std::string& path) {
  const auto file = std::make_shared<File>(path);
  if (!file->is_open()) return Error{path + ": cannot be opened: " + std::strerror(errno)};
  auto scan = ReadScan([file](std::span<char> out) { return file->Read(out); });
  if (!scan) return Error{path + ": " + scan.error().message};
  return scan;
}

}  // namespace postern::formats
