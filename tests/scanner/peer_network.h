// Another host or router of a test's own network: a process in a network namespace that lives as
// long as the object.
#pragma once

#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "scanner/in_network.h"

namespace postern::scanner {

class PeerNetwork {
 public:
  // Listens on tcp/`port`, on every address it will have, unless it is 0.
  explicit PeerNetwork(std::uint16_t port = 0) {
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const bool works = ::unshare(CLONE_NEWNET) == 0 && (port == 0 || Listen(port));
      if (!works || ::write(ready[1], "", 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    ready_ = ::read(ready[0], &byte, 1) == 1;
    ::close(ready[0]);
  }
  ~PeerNetwork() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  PeerNetwork(const PeerNetwork&) = delete;
  PeerNetwork& operator=(const PeerNetwork&) = delete;

  // What `ip link add ... netns` takes.
  std::string pid() const { return std::to_string(pid_); }
  // Runs the commands there; the first that fails, or empty.
  std::string Run(const std::vector<std::string>& commands) const {
    if (!ready_) return "the namespace was not made";
    for (const auto& command : commands) {
      if (!Succeeds("nsenter -t " + pid() + " -n sh -c \"" + command + "\"")) return command;
    }
    return {};
  }

 private:
  static bool Listen(std::uint16_t port) {
    const int socket = ::socket(AF_INET6, SOCK_STREAM, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
           ::listen(socket, 16) == 0;
  }

  pid_t pid_ = -1;
  bool ready_ = false;
};

}  // namespace postern::scanner
