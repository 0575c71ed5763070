#include "daemon/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ranges>
#include <utility>
#include <vector>

namespace postern::daemon {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kLongestRequest = 64 << 10;
constexpr std::size_t kMaxClients = 16;
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

}  // namespace

// One connection: it sends a line, is answered, and is closed.
class ControlSocket::Client {
 public:
  explicit Client(int connection) : connection_(connection) {}
  ~Client() { ::close(connection_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  pollfd Poll() const {
    return {connection_, static_cast<short>(reply_.empty() ? POLLIN : POLLOUT), 0};
  }
  SteadyClock::time_point deadline() const { return deadline_; }
  bool IsDone() const { return done_; }

  // Reads or writes what can be without a wait.
  void Advance(const Answer& answer) {
    if (reply_.empty()) {
      Read(answer);
    } else {
      Write();
    }
  }

 private:
  void Read(const Answer& answer) {
    std::array<char, 4096> buffer{};
    const auto count = ::read(connection_, buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) request_.append(buffer.data(), static_cast<std::size_t>(count));
    const auto end = request_.find('\n');
    if (end == std::string::npos) {
      done_ = count <= 0 || request_.size() >= kLongestRequest;
      return;
    }
    reply_ = answer(request_.substr(0, end), UserOf(connection_)) + "\n";
    deadline_ = SteadyClock::now() + kPatience;
    Write();
  }

  void Write() {
    const auto count = ::send(connection_, reply_.data(), reply_.size(), MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) reply_.erase(0, static_cast<std::size_t>(count));
    done_ = count <= 0 || reply_.empty();
  }

  const int connection_;
  SteadyClock::time_point deadline_ = SteadyClock::now() + kPatience;
  std::string request_;
  std::string reply_;
  bool done_ = false;
};

Result<std::unique_ptr<ControlSocket>> ControlSocket::Listen(const std::string& path,
                                                             Answer answer) {
  if (IsServed(path)) {
    return Error{"cannot listen on " + path + ": another process serves it"};
  }
  if (IsSocket(path)) ::unlink(path.c_str());
  const int listener = NewSocket();
  // The mode is set after bind(), which obeys the umask; never through a link put there meanwhile.
  if (!WithAddress(listener, path, ::bind) ||
      ::fchmodat(AT_FDCWD, path.c_str(), kOwnerAndGroup, AT_SYMLINK_NOFOLLOW) != 0 ||
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
  std::list<Client> clients;
  while (true) {
    std::vector<pollfd> ready{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    if (clients.size() == kMaxClients) ready[1].fd = -1;  // the next waits in the backlog
    for (const auto& client : clients) ready.push_back(client.Poll());
    if (::poll(ready.data(), ready.size(), TimeoutOf(clients)) < 0) {
      if (errno != EINTR) return;
      continue;
    }
    if (ready[0].revents != 0) return;
    auto at = ready.begin() + 2;
    for (auto& client : clients) {
      if ((at++)->revents != 0) client.Advance(answer_);
    }
    const auto now = SteadyClock::now();
    std::erase_if(
        clients, [&](const Client& client) { return client.IsDone() || client.deadline() <= now; });
    if (ready[1].revents != 0) Accept(clients);
  }
}

// Milliseconds to the first deadline.
int ControlSocket::TimeoutOf(const std::list<Client>& clients) {
  if (clients.empty()) return -1;
  const auto first = std::ranges::min_element(clients, {}, &Client::deadline);
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(first->deadline() - SteadyClock::now());
  return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

void ControlSocket::Accept(std::list<Client>& clients) const {
  const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection >= 0) {
    clients.emplace_back(connection);
    return;
  }
  if (errno == EAGAIN || errno == ECONNABORTED) return;
  // Out of descriptors, perhaps: that passes, and must not spin.
  pollfd wake{wake_, POLLIN, 0};
  ::poll(&wake, 1, kPauseAfterError);
}

}  // namespace postern::daemon
