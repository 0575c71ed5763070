#include "scanner/resolve.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kNoError = 0;
constexpr std::uint8_t kServFail = 2;
constexpr std::uint8_t kNxDomain = 3;
constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kAaaa = 28;

// What the server says to one question: nothing at all, or a code and addresses.
struct Answer {
  bool silent = false;
  std::uint8_t code = kNoError;
  std::vector<IpAddress> addresses;
};

// A DNS server on 127.0.0.1 that knows a few names; lives in a thread of its own.
class DnsServer {
 public:
  using Zone = std::map<std::pair<std::string, std::uint16_t>, Answer>;

  explicit DnsServer(Zone zone) : zone_(std::move(zone)) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&local), sizeof(local)), 0);
    socklen_t size = sizeof(local);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&local), &size), 0);
    port_ = ntohs(local.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~DnsServer() {
    ::shutdown(socket_, SHUT_RDWR);  // wakes recvfrom, on Linux also for UDP
    thread_.join();
    ::close(socket_);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void Serve() {
    std::array<std::uint8_t, 1500> buffer{};
    while (true) {
      sockaddr_in client{};
      socklen_t size = sizeof(client);
      const auto received = ::recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                       reinterpret_cast<sockaddr*>(&client), &size);
      if (received <= 0) return;
      const Bytes query(buffer.begin(), buffer.begin() + received);
      const Bytes reply = Reply(query);
      if (reply.empty()) continue;
      ::sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&client), size);
    }
  }

  Bytes Reply(const Bytes& query) const {
    std::string name;
    std::size_t at = 12;
    while (query[at] != 0) {
      name.append(query.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                  query.begin() + static_cast<std::ptrdiff_t>(at) + 1 + query[at]);
      name += '.';
      at += query[at] + 1U;
    }
    name.pop_back();
    const auto type = static_cast<std::uint16_t>(query[at + 1] << 8 | query[at + 2]);
    const auto known = zone_.find({name, type});
    const Answer answer = known == zone_.end() ? Answer{false, kNxDomain, {}} : known->second;
    if (answer.silent) return {};

    Bytes reply(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(at) + 5);
    reply[2] = 0x81;
    reply[3] = static_cast<std::uint8_t>(0x80 | answer.code);
    reply[7] = static_cast<std::uint8_t>(answer.addresses.size());
    reply[8] = reply[9] = reply[10] = reply[11] = 0;
    for (const auto& address : answer.addresses) {
      const auto bytes = address.bytes();
      const Bytes record = {0xc0, 12, 0, static_cast<std::uint8_t>(type),        0, 1, 0, 0,
                            0,    60, 0, static_cast<std::uint8_t>(bytes.size())};
      reply.insert(reply.end(), record.begin(), record.end());
      reply.insert(reply.end(), bytes.begin(), bytes.end());
    }
    return reply;
  }

  const Zone zone_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

IpAddress Address(const char* text) { return *IpAddress::Parse(text); }

// "name: addresses error" a line.
std::string Text(const std::vector<Resolved>& results) {
  std::string text;
  for (const auto& result : results) {
    text += result.name + ":";
    for (const auto& address : result.addresses) text += " " + address.ToString();
    if (!result.error.empty()) text += " (" + result.error + ")";
    text += "\n";
  }
  return text;
}

TEST(Resolve, GivesEveryAddressOfBothFamiliesInOrder) {
  const DnsServer server({
      {{"web.example.com", kA},
       {false, kNoError, {Address("192.0.2.20"), Address("192.0.2.3"), Address("192.0.2.20")}}},
      {{"web.example.com", kAaaa}, {false, kNoError, {Address("2001:db8::2")}}},
      {{"v4.example.com", kA}, {false, kNoError, {Address("192.0.2.4")}}},
      {{"v4.example.com", kAaaa}, {}},
      {{"v6.example.com", kA}, {}},
      {{"v6.example.com", kAaaa}, {false, kNoError, {Address("2001:db8::6")}}},
  });
  EXPECT_EQ(
      Text(Resolve({"web.example.com", "v6.example.com", "v4.example.com"}, 5s, server.address())),
      "web.example.com: 192.0.2.3 192.0.2.20 2001:db8::2\n"
      "v6.example.com: 2001:db8::6\n"
      "v4.example.com: 192.0.2.4\n");
}

TEST(Resolve, TellsFailuresApart) {
  const DnsServer server({
      {{"broken.example.com", kA}, {false, kServFail, {}}},
      {{"broken.example.com", kAaaa}, {false, kServFail, {}}},
      {{"empty.example.com", kA}, {}},
      {{"empty.example.com", kAaaa}, {}},
      {{"dead.example.com", kA}, {true, kNoError, {}}},
      {{"dead.example.com", kAaaa}, {true, kNoError, {}}},
      {{"half.example.com", kA}, {false, kNoError, {Address("192.0.2.9")}}},
      {{"half.example.com", kAaaa}, {true, kNoError, {}}},
      {{"fine.example.com", kA}, {false, kNoError, {Address("192.0.2.7")}}},
      {{"fine.example.com", kAaaa}, {}},
  });
  EXPECT_EQ(Text(Resolve({"gone.example.com", "broken.example.com", "empty.example.com",
                          "dead.example.com", "half.example.com", "fine.example.com"},
                         500ms, server.address())),
            "gone.example.com: (NXDOMAIN)\n"
            "broken.example.com: (SERVFAIL)\n"
            "empty.example.com: (no A or AAAA record)\n"
            "dead.example.com: (timeout)\n"
            "half.example.com: 192.0.2.9 (timeout)\n"
            "fine.example.com: 192.0.2.7\n");
}

TEST(Resolve, TellsWhichFamilyFailedAndWhichAddressesAreThisMachines) {
  const DnsServer server({
      {{"half.example.com", kA}, {false, kNoError, {Address("127.0.0.1"), Address("192.0.2.9")}}},
      {{"half.example.com", kAaaa}, {false, kServFail, {}}},
      {{"both.example.com", kA}, {false, kServFail, {}}},
      {{"both.example.com", kAaaa}, {true, kNoError, {}}},
      {{"fine.example.com", kA}, {}},
      {{"fine.example.com", kAaaa}, {false, kNoError, {Address("2001:db8::7")}}},
  });
  const auto results = Resolve({"half.example.com", "both.example.com", "fine.example.com"}, 500ms,
                               server.address());
  EXPECT_EQ(results[0].failed, Family::kIpv6);
  EXPECT_EQ(results[0].own, std::vector<IpAddress>{Address("127.0.0.1")});
  EXPECT_EQ(results[1].error, "SERVFAIL (A), timeout (AAAA)");
  EXPECT_TRUE(results[1].Failed(Family::kIpv4) && results[1].Failed(Family::kIpv6));
  EXPECT_FALSE(results[2].Failed(Family::kIpv4) || results[2].Failed(Family::kIpv6));
}

TEST(Resolve, AsksManyNamesAtOnceAndDeadOnesHoldUpNone) {
  DnsServer::Zone zone;
  std::vector<std::string> names;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const auto name = "host-" + std::to_string(i) + ".example.com";
    const bool dead = i % 100 == 0;
    zone[{name, kA}] = {dead, kNoError, {Address("192.0.2.1").Plus(static_cast<unsigned>(i))}};
    zone[{name, kAaaa}] = {dead, kNoError, {}};
    names.push_back(name);
    expected +=
        name + ":" + (dead ? " (timeout)" : " " + zone[{name, kA}].addresses[0].ToString()) + "\n";
  }
  const DnsServer server(zone);
  EXPECT_EQ(Text(Resolve(names, 1500ms, server.address())), expected);
}

TEST(Resolve, ReadsTheHostsFileFirst) {
  const DnsServer server({{{"localhost", kA}, {false, kNoError, {Address("192.0.2.66")}}}});
  const auto results = Resolve({"localhost"}, 5s, server.address());
  ASSERT_EQ(results[0].error, "");
  for (const auto& address : results[0].addresses) EXPECT_TRUE(address.IsLoopback());
}

TEST(Resolve, RefusesNamesThatDnsCannotHold) {
  const DnsServer server({});
  EXPECT_EQ(Text(Resolve({std::string(70, 'a') + ".example.com", "a..b"}, 2s, server.address())),
            std::string(70, 'a') + ".example.com: (Misformatted domain name)\n" +
                "a..b: (Misformatted domain name)\n");
}

TEST(Resolve, SaysSoWhenTheServersMakeNoSense) {
  EXPECT_EQ(Text(Resolve({"a.example.com"}, 1s, "not a server")),
            "a.example.com: ('not a server' names no DNS servers)\n");
}

}  // namespace
}  // namespace postern::scanner
