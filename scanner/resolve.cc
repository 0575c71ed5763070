#include "scanner/resolve.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "core/result.h"
#include "scanner/own_addresses.h"

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

// Two questions each; enough that one dead server among many names costs little.
constexpr std::size_t kMostOutstanding = 64;
// c-ares asks each server so often, and waits twice as long every round.
constexpr int kFirstTimeoutMs = 2000;
constexpr int kTries = 3;

struct ChannelDeleter {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using Channel = std::unique_ptr<ares_channeldata, ChannelDeleter>;

struct HostentDeleter {
  void operator()(hostent* host) const { ares_free_hostent(host); }
};
using Hostent = std::unique_ptr<hostent, HostentDeleter>;

void Append(const hostent& host, std::vector<IpAddress>& addresses) {
  for (char** entry = host.h_addr_list; *entry; ++entry) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(*entry);
    const auto address =
        IpAddress::FromBytes(std::span(bytes, static_cast<std::size_t>(host.h_length)));
    if (address) addresses.push_back(*address);
  }
}

bool IsNoRecord(int status) { return status == ARES_ENODATA || status == ARES_ENOTFOUND; }

// A family without records is an answer. Some servers say NXDOMAIN where they mean that (RFC 4074,
// section 4.2).
bool IsFailure(int status) { return status != ARES_SUCCESS && !IsNoRecord(status); }

std::string Describe(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return "NXDOMAIN";
    case ARES_ENODATA:
      return "no A or AAAA record";
    case ARES_ESERVFAIL:
      return "SERVFAIL";
    case ARES_EREFUSED:
      return "REFUSED";
    case ARES_ETIMEOUT:
    case ARES_ECANCELLED:
      return "timeout";
    case ARES_ECONNREFUSED:
      return "no DNS server could be reached";
    default:
      return ares_strerror(status);
  }
}

// Fills in what the two families' answers together mean.
void Conclude(const std::array<int, 2>& status, Resolved& result) {
  const auto [ipv4, ipv6] = status;
  if (IsFailure(ipv4) && IsFailure(ipv6)) {
    const auto of_ipv4 = Describe(ipv4);
    const auto of_ipv6 = Describe(ipv6);
    result.error = of_ipv4 == of_ipv6 ? of_ipv4 : of_ipv4 + " (A), " + of_ipv6 + " (AAAA)";
  } else if (IsFailure(ipv4) || IsFailure(ipv6)) {
    result.failed = IsFailure(ipv4) ? Family::kIpv4 : Family::kIpv6;
    result.error = Describe(IsFailure(ipv4) ? ipv4 : ipv6);
  } else if (result.addresses.empty()) {
    const bool nonexistent = ipv4 == ARES_ENOTFOUND || ipv6 == ARES_ENOTFOUND;
    result.error = Describe(nonexistent ? ARES_ENOTFOUND : ARES_ENODATA);
  }
}

void SortAndUnique(std::vector<IpAddress>& addresses) {
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

// Runs the lookups of one Resolve call.
class Resolver {
 public:
  explicit Resolver(std::vector<Resolved>& results) : results_(results), lookups_(results.size()) {}

  Result<void> Open(const std::string& servers);
  void Run(Time deadline);

 private:
  struct Lookup;
  struct Question {
    Lookup* lookup = nullptr;
    int type = ns_t_a;
    bool repeated = false;  // on the channel that passes replies on as they are
  };
  // One name.
  struct Lookup {
    Resolver* resolver = nullptr;
    Resolved* result = nullptr;
    std::array<Question, 2> questions;
    std::array<int, 2> status{};  // by family
    int families_left = 2;
  };

  static void OnSocket(void* self, ares_socket_t socket, int readable, int writable);
  static void OnReply(void* question, int status, int timeouts, unsigned char* reply, int size);

  Result<Channel> OpenChannel(const std::string& servers, int flags);
  void Start(std::size_t i);
  bool FindInHostsFile(Resolved& result);
  void Ask(ares_channel channel, Question& question);
  void Answer(Lookup& lookup, Family family, int status);
  void Wait(Time deadline);

  std::vector<Resolved>& results_;
  std::vector<Lookup> lookups_;
  std::size_t outstanding_ = 0;
  std::map<ares_socket_t, short> sockets_;  // the events that c-ares waits for
  // Last: destroying them still calls OnSocket.
  Channel channel_;
  // When a server says SERVFAIL or REFUSED, c-ares tries the others, and if they are no better,
  // reports that none could be reached (measured with 1.18.1). This one tells what was said.
  Channel verbatim_;
};

Result<Channel> Resolver::OpenChannel(const std::string& servers, int flags) {
  ares_options options{};
  options.flags = flags;
  options.timeout = kFirstTimeoutMs;
  options.tries = kTries;
  options.sock_state_cb = OnSocket;
  options.sock_state_cb_data = this;
  ares_channel raw = nullptr;
  int status = ares_init_options(
      &raw, &options,
      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) return Error{"the resolver did not start: " + Describe(status)};
  Channel channel(raw);
  if (servers.empty()) return channel;
  status = ares_set_servers_ports_csv(raw, servers.c_str());
  if (status != ARES_SUCCESS) return Error{"'" + servers + "' names no DNS servers"};
  return channel;
}

Result<void> Resolver::Open(const std::string& servers) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { ares_library_init(ARES_LIB_INIT_ALL); });
  auto channel = OpenChannel(servers, 0);
  auto verbatim = OpenChannel(servers, ARES_FLAG_NOCHECKRESP);
  if (!channel) return channel.error();
  if (!verbatim) return verbatim.error();
  channel_ = std::move(*channel);
  verbatim_ = std::move(*verbatim);
  return {};
}

void Resolver::Run(Time deadline) {
  std::size_t next = 0;
  while (next < results_.size() || outstanding_ > 0) {
    if (std::chrono::steady_clock::now() >= deadline) break;
    while (next < results_.size() && outstanding_ < kMostOutstanding) Start(next++);
    if (outstanding_ > 0) Wait(deadline);
  }
  for (; next < results_.size(); ++next) results_[next].error = Describe(ARES_ETIMEOUT);
  ares_cancel(channel_.get());
  ares_cancel(verbatim_.get());
}

void Resolver::Start(std::size_t i) {
  if (FindInHostsFile(results_[i])) return;
  ++outstanding_;
  Lookup& lookup = lookups_[i];
  lookup.resolver = this;
  lookup.result = &results_[i];
  lookup.questions = {Question{&lookup, ns_t_a}, Question{&lookup, ns_t_aaaa}};
  for (auto& question : lookup.questions) Ask(channel_.get(), question);
}

bool Resolver::FindInHostsFile(Resolved& result) {
  for (const int family : {AF_INET, AF_INET6}) {
    hostent* raw = nullptr;
    ares_gethostbyname_file(channel_.get(), result.name.c_str(), family, &raw);
    const Hostent host(raw);
    if (host) Append(*host, result.addresses);
  }
  return !result.addresses.empty();
}

void Resolver::Ask(ares_channel channel, Question& question) {
  const auto& name = question.lookup->result->name;
  const auto ask = name.find('.') == std::string::npos ? ares_search : ares_query;
  ask(channel, name.c_str(), ns_c_in, question.type, OnReply, &question);
}

void Resolver::OnReply(void* argument, int status, int /*timeouts*/, unsigned char* reply,
                       int size) {
  auto& question = *static_cast<Question*>(argument);
  Lookup& lookup = *question.lookup;
  if (status == ARES_ECONNREFUSED && !question.repeated) {
    question.repeated = true;
    return lookup.resolver->Ask(lookup.resolver->verbatim_.get(), question);
  }
  if (status == ARES_SUCCESS) {
    hostent* raw = nullptr;
    status = question.type == ns_t_a ? ares_parse_a_reply(reply, size, &raw, nullptr, nullptr)
                                     : ares_parse_aaaa_reply(reply, size, &raw, nullptr, nullptr);
    const Hostent host(raw);
    if (host) Append(*host, lookup.result->addresses);
  }
  const auto family = question.type == ns_t_a ? Family::kIpv4 : Family::kIpv6;
  lookup.resolver->Answer(lookup, family, status);
}

void Resolver::Answer(Lookup& lookup, Family family, int status) {
  lookup.status.at(static_cast<std::size_t>(family)) = status;
  if (--lookup.families_left > 0) return;
  --outstanding_;
  Conclude(lookup.status, *lookup.result);
}

void Resolver::Wait(Time deadline) {
  std::vector<pollfd> polled;
  for (const auto& [socket, events] : sockets_) polled.push_back({socket, events, 0});

  const auto left =
      std::max(0ms, std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()));
  timeval longest{left.count() / 1000, left.count() % 1000 * 1000};
  std::array<timeval, 2> buffers{};
  timeval* wait = ares_timeout(channel_.get(), &longest, &buffers[0]);
  wait = ares_timeout(verbatim_.get(), wait, &buffers[1]);
  ::poll(polled.data(), polled.size(),
         static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));

  // A channel looks at its own sockets only, and always at its timeouts.
  polled.push_back({ARES_SOCKET_BAD, 0, 0});
  for (const auto& entry : polled) {
    const bool readable = (entry.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
    const bool writable = (entry.revents & POLLOUT) != 0;
    for (const auto channel : {channel_.get(), verbatim_.get()}) {
      ares_process_fd(channel, readable ? entry.fd : ARES_SOCKET_BAD,
                      writable ? entry.fd : ARES_SOCKET_BAD);
    }
  }
}

void Resolver::OnSocket(void* self, ares_socket_t socket, int readable, int writable) {
  auto& sockets = static_cast<Resolver*>(self)->sockets_;
  if (!readable && !writable) {
    sockets.erase(socket);
    return;
  }
  sockets[socket] = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

}  // namespace

std::vector<Resolved> Resolve(const std::vector<std::string>& names, Duration deadline,
                              const std::string& servers) {
  const Time end = std::chrono::steady_clock::now() + deadline;
  std::vector<Resolved> results;
  results.reserve(names.size());
  for (const auto& name : names) results.push_back({.name = name});
  Resolver resolver(results);
  if (const auto opened = resolver.Open(servers); !opened) {
    for (auto& result : results) result.error = opened.error().message;
    return results;
  }
  resolver.Run(end);
  const auto own = OwnAddresses();
  for (auto& result : results) {
    SortAndUnique(result.addresses);
    std::ranges::set_intersection(result.addresses, own, std::back_inserter(result.own));
  }
  return results;
}

}  // namespace postern::scanner
