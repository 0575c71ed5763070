#include "daemon/control_socket.h"

#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

namespace postern::daemon {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kLongestRequest = 64 << 10;
constexpr int kBacklog = 16;
constexpr int kPauseAfterError = 100;  // milliseconds
constexpr mode_t kOwnerAndGroup = 0660;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

template <typename Call>
bool WithAddress(int descriptor, const std::string& path, Call call) {
  const auto address = AddressOf(path);
  return call(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

int NewSocket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

// Whether a process answers at the path.
bool IsServed(const std::string& path) {
  const int probe = NewSocket();
  const bool served = WithAddress(probe, path, ::connect) || errno == EAGAIN;
  ::close(probe);
  return served;
}

bool IsSocket(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

Error CannotListen(const std::string& path) {
  return Error{"cannot listen on " + path + ": " + std::strerror(errno)};
}

std::string UserOf(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "unknown";
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : "uid " + std::to_string(peer.uid);
}

// Whether the descriptor became ready for `events` before the deadline.
bool WaitFor(int descriptor, short events, SteadyClock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
  if (left <= 0) return false;
  pollfd ready{descriptor, events, 0};
  return ::poll(&ready, 1, static_cast<int>(left)) == 1;
}

// A line, without its end; none if it did not come in time, or is too long.
std::optional<std::string> ReadLine(int connection, SteadyClock::time_point deadline) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() < kLongestRequest && WaitFor(connection, POLLIN, deadline)) {
    const auto count = ::read(connection, buffer.data(), buffer.size());
    if (count <= 0) return std::nullopt;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (const auto end = text.find('\n'); end != std::string::npos) return text.substr(0, end);
  }
  return std::nullopt;
}

void Write(int connection, std::string_view text, SteadyClock::time_point deadline) {
  while (!text.empty() && WaitFor(connection, POLLOUT, deadline)) {
    const auto count = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::Listen(const std::string& path,
                                                             Answer answer) {
  if (IsServed(path)) {
    return Error{"cannot listen on " + path + ": another process serves it"};
  }
  if (IsSocket(path)) ::unlink(path.c_str());
  const int listener = NewSocket();
  if (!WithAddress(listener, path, ::bind) || ::chmod(path.c_str(), kOwnerAndGroup) != 0 ||
      ::listen(listener, kBacklog) != 0) {
    auto error = CannotListen(path);
    ::close(listener);
    return error;
  }
  return std::unique_ptr<ControlSocket>(
      new ControlSocket(path, listener, ::eventfd(0, EFD_CLOEXEC), std::move(answer)));
}

ControlSocket::ControlSocket(std::string path, int listener, int wake, Answer answer)
    : path_(std::move(path)),
      listener_(listener),
      wake_(wake),
      answer_(std::move(answer)),
      thread_([this] { Main(); }) {}

ControlSocket::~ControlSocket() {
  const std::uint64_t one = 1;
  if (::write(wake_, &one, sizeof(one)) == sizeof(one)) thread_.join();
  ::unlink(path_.c_str());
  ::close(listener_);
  ::close(wake_);
}

void ControlSocket::Main() const {
  while (true) {
    std::array<pollfd, 2> ready{{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) {  // out of descriptors, perhaps: that passes, and must not spin
      ::poll(&ready[1], 1, kPauseAfterError);
      continue;
    }
    Serve(connection);
    ::close(connection);
  }
}

void ControlSocket::Serve(int connection) const {
  const auto request = ReadLine(connection, SteadyClock::now() + kPatience);
  if (!request) return;
  Write(connection, answer_(*request, UserOf(connection)) + "\n", SteadyClock::now() + kPatience);
}

}  // namespace postern::daemon
