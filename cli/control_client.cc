#include "cli/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/commands.h"
#include "cli/load.h"
#include "core/result.h"
#include "exporters/escape.h"

namespace postern::cli {
namespace {

namespace json = boost::json;

// The daemon answers between two pieces of work on its store, each of a second or so.
constexpr timeval kPatience{60, 0};
constexpr std::size_t kLongestAnswer = 4 << 20;

Error Unreachable(const std::string& path) {
  const int error = errno;
  std::string advice;
  if (error == ENOENT || error == ECONNREFUSED) {
    advice = "; is posternd running, with this configuration?";
  } else if (error == EACCES || error == EPERM) {
    advice = "; it is for root and the group of posternd";
  } else if (error == EAGAIN) {
    advice = "; the daemon gave no answer";
  }
  return Error{"cannot ask the daemon at " + path + ": " + std::strerror(error) + advice};
}

// A connected socket; negative with errno.
int Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return descriptor;
  }
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

Result<std::string> Exchange(const std::string& path, const std::string& line) {
  const int descriptor = Connect(path);
  if (descriptor < 0) return Unreachable(path);
  std::string answer;
  std::array<char, 4096> buffer{};
  ssize_t count = ::send(descriptor, line.data(), line.size(), MSG_NOSIGNAL);
  while (count > 0 && answer.size() < kLongestAnswer) {
    count = ::read(descriptor, buffer.data(), buffer.size());
    if (count > 0) answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
  auto failed = count < 0 ? std::optional(Unreachable(path)) : std::nullopt;
  ::close(descriptor);
  if (failed) return *std::move(failed);
  return answer;
}

// The daemon's answer, "ok" included; an error if there is none, with what to do.
Result<json::object> AskDaemon(const std::string& socket_path, const json::object& request) {
  const auto line = Exchange(socket_path, json::serialize(request) + "\n");
  if (!line) return line.error();
  boost::system::error_code error;
  const auto value = json::parse(*line, error);
  const auto* answer = error ? nullptr : value.if_object();
  const auto* ok = answer == nullptr ? nullptr : answer->if_contains("ok");
  if (ok == nullptr || !ok->is_bool()) {
    return Error{"what answers at " + socket_path + " is no posternd"};
  }
  return *answer;
}

std::string RefusalIn(const json::object& answer) {
  const auto* why = answer.if_contains("error");
  return why != nullptr && why->is_string() ? std::string(why->get_string()) : "refused";
}

int Fail(const std::string& why, int status) {
  std::fprintf(stderr, "postern: %s\n", exporters::EscapeTerminal(why).c_str());
  return status;
}

}  // namespace

std::optional<json::object> Ask(const std::string& config_path, const json::object& request,
                                int& status) {
  const auto loaded = LoadForCommand(config_path);
  status = loaded.status;
  if (!loaded.setup) return std::nullopt;
  auto answer = AskDaemon(loaded.setup->config.control_socket, request);
  if (!answer) {
    status = Fail(answer.error().message, kCouldNotTell);
  } else if (!answer->at("ok").get_bool()) {
    status = Fail(RefusalIn(*answer), kFound);
  } else {
    answer->erase("ok");
    return *std::move(answer);
  }
  return std::nullopt;
}

}  // namespace postern::cli
