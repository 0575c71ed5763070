// How fast this machine can send SYNs at all: a plain AF_PACKET sendmmsg loop over the addresses of
// an IPv4 network, without state, pace or verdicts. The measure for the scan engine's send rate.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <pcap/pcap.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kBatch = 256;
constexpr std::uint16_t kSourcePort = 30'000;

// A SYN with the options of Linux: MSS, SACK permitted, timestamps, window scale.
struct [[gnu::packed]] Frame {
  ether_header ethernet;
  iphdr ip;
  tcphdr tcp;
  std::array<std::uint8_t, 20> options;
};
static_assert(sizeof(Frame) == 74);

struct Options {
  std::string interface;
  std::string gateway_mac;
  std::string source;
  std::string network;
  unsigned first_port = 80;
  unsigned ports = 1;
  std::uint64_t count = 1'000'000;
  double rate = 0;  // packets a second; 0: as fast as it goes
  bool receive = false;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "sendmmsg_loop: %s\n", what.c_str());
  std::exit(2);
}

[[noreturn]] void FailWithErrno(const std::string& what) {
  Fail(what + ": " + std::strerror(errno));
}

std::uint32_t Address(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) Fail("not an IPv4 address: " + text);
  return ntohl(address.s_addr);
}

std::uint32_t Sum(const void* data, std::size_t size, std::uint32_t sum = 0) {
  const auto* const bytes = static_cast<const std::uint8_t*>(data);
  for (std::size_t i = 0; i + 1 < size; i += 2) sum += std::uint32_t{bytes[i]} << 8 | bytes[i + 1];
  return sum;
}

std::uint16_t Checksum(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<std::uint16_t>(~sum));
}

// Everything but what changes from frame to frame.
Frame Template(const Options& options, const ifreq& own_mac) {
  Frame frame{};
  ether_addr gateway{};
  unsigned bytes[6];
  if (std::sscanf(options.gateway_mac.c_str(), "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2],
                  &bytes[3], &bytes[4], &bytes[5]) != 6) {
    Fail("not a MAC address: " + options.gateway_mac);
  }
  for (int i = 0; i < 6; ++i) gateway.ether_addr_octet[i] = static_cast<std::uint8_t>(bytes[i]);
  std::memcpy(frame.ethernet.ether_dhost, &gateway, ETH_ALEN);
  std::memcpy(frame.ethernet.ether_shost, own_mac.ifr_hwaddr.sa_data, ETH_ALEN);
  frame.ethernet.ether_type = htons(ETHERTYPE_IP);
  frame.ip.version = 4;
  frame.ip.ihl = 5;
  frame.ip.tot_len = htons(sizeof(Frame) - sizeof(ether_header));
  frame.ip.ttl = 64;
  frame.ip.protocol = IPPROTO_TCP;
  frame.ip.saddr = htonl(Address(options.source));
  frame.tcp.source = htons(kSourcePort);
  frame.tcp.syn = 1;
  frame.tcp.doff = 10;
  frame.tcp.window = htons(64'240);
  frame.options = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
  return frame;
}

void Aim(Frame& frame, std::uint32_t address, std::uint16_t port) {
  frame.ip.daddr = htonl(address);
  frame.ip.check = 0;
  frame.ip.check = Checksum(Sum(&frame.ip, sizeof frame.ip));
  frame.tcp.dest = htons(port);
  frame.tcp.seq = htonl(address * 2'654'435'761U);
  frame.tcp.check = 0;
  const std::uint32_t pseudo =
      Sum(&frame.ip.saddr, 8, IPPROTO_TCP + sizeof frame.tcp + sizeof frame.options);
  frame.tcp.check = Checksum(Sum(&frame.tcp, sizeof frame.tcp + sizeof frame.options, pseudo));
}

class Network {
 public:
  Network(const std::string& cidr, unsigned first_port, unsigned ports)
      : first_port_(first_port), ports_(ports) {
    const auto slash = cidr.find('/');
    const int length = slash == std::string::npos ? 32 : std::atoi(cidr.c_str() + slash + 1);
    if (length < 8 || length > 32) Fail("expected a network of at least /8: " + cidr);
    first_ = Address(cidr.substr(0, slash));
    addresses_ = std::uint64_t{1} << (32 - length);
  }

  // The i-th endpoint; after the last the first comes again.
  void AimAt(Frame& frame, std::uint64_t i) const {
    const auto port = first_port_ + i / addresses_ % ports_;
    Aim(frame, first_ + static_cast<std::uint32_t>(i % addresses_),
        static_cast<std::uint16_t>(port));
  }

 private:
  std::uint32_t first_ = 0;
  std::uint64_t addresses_ = 0;
  unsigned first_port_;
  unsigned ports_;
};

// Counts the answers as a scanner does: a libpcap handle with a filter, in a thread of its own.
class Receiver {
 public:
  explicit Receiver(const std::string& interface)
      : pcap_(pcap_create(interface.c_str(), error_.data()), pcap_close) {
    if (!pcap_) Fail(error_.data());
    pcap_set_snaplen(pcap_.get(), 256);
    pcap_set_buffer_size(pcap_.get(), 64 << 20);
    pcap_set_immediate_mode(pcap_.get(), 1);
    if (pcap_activate(pcap_.get()) < 0) Fail(pcap_geterr(pcap_.get()));
    bpf_program program{};
    const auto filter = "tcp dst port " + std::to_string(kSourcePort);
    if (pcap_compile(pcap_.get(), &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0 ||
        pcap_setfilter(pcap_.get(), &program) != 0 ||
        pcap_setnonblock(pcap_.get(), 1, error_.data()) != 0) {
      Fail(pcap_geterr(pcap_.get()));
    }
    pcap_freecode(&program);
    thread_ = std::thread([this] { Run(); });
  }

  // Ends it, when nothing has come for 100 ms, and returns how many answers came.
  std::uint64_t Finish() {
    stop_ = true;
    thread_.join();
    return count_;
  }

 private:
  void Run() {
    int silent_ms = 0;
    while (!stop_ || silent_ms < 100) {
      const int got = pcap_dispatch(
          pcap_.get(), -1,
          [](u_char* count, const pcap_pkthdr*, const u_char*) {
            ++*reinterpret_cast<std::uint64_t*>(count);
          },
          reinterpret_cast<u_char*>(&count_));
      silent_ms = got > 0 ? 0 : silent_ms + 1;
      if (got == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::array<char, PCAP_ERRBUF_SIZE> error_{};
  std::unique_ptr<pcap_t, decltype(&pcap_close)> pcap_;
  std::uint64_t count_ = 0;  // the thread's until Finish() has joined it
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

struct Sender {
  int fd;
  sockaddr_ll to;
  Frame frame;
};

Sender OpenSender(const Options& options) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) FailWithErrno("cannot open a packet socket");
  ifreq request{};
  options.interface.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) FailWithErrno(options.interface);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(options.interface.c_str()));
  to.sll_halen = ETH_ALEN;
  return {fd, to, Template(options, request)};
}

// Returns the seconds that it took.
double SendAll(const Sender& sender, const Network& network, const Options& options) {
  std::vector<Frame> frames(kBatch, sender.frame);
  std::vector<iovec> parts(kBatch);
  std::vector<mmsghdr> messages(kBatch);
  auto to = sender.to;
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {&frames[i], sizeof(Frame)};
    messages[i].msg_hdr = {&to, sizeof to, &parts[i], 1, nullptr, 0, 0};
  }
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t sent = 0; sent < options.count;) {
    if (options.rate > 0) {
      const std::chrono::duration<double> due(static_cast<double>(sent) / options.rate);
      std::this_thread::sleep_until(start +
                                    std::chrono::duration_cast<std::chrono::nanoseconds>(due));
    }
    const auto batch = std::min<std::uint64_t>(kBatch, options.count - sent);
    for (std::uint64_t i = 0; i < batch; ++i) network.AimAt(frames[i], sent + i);
    std::uint64_t done = 0;
    while (done < batch) {
      const int now = sendmmsg(sender.fd, &messages[done], static_cast<unsigned>(batch - done), 0);
      if (now < 0 && errno != ENOBUFS && errno != EAGAIN) FailWithErrno("cannot send");
      if (now > 0) done += static_cast<std::uint64_t>(now);
    }
    sent += batch;
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("How fast this machine can send SYNs: a plain sendmmsg loop on a packet socket");
  app.add_option("--interface", options.interface)->required();
  app.add_option("--gateway-mac", options.gateway_mac)->required();
  app.add_option("--source", options.source, "source address")->required();
  app.add_option("--network", options.network, "CIDR prefix to send to")->required();
  app.add_option("--first-port", options.first_port)->capture_default_str();
  app.add_option("--ports", options.ports, "how many")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--count", options.count, "packets to send")->capture_default_str();
  app.add_option("--rate", options.rate, "packets a second (default: as fast as it goes)");
  app.add_flag("--receive", options.receive, "capture and count the answers meanwhile");
  app.footer("Prints one JSON object: packets sent, seconds, packets a second, answers captured.");
  CLI11_PARSE(app, argc, argv);

  const Network network(options.network, options.first_port, options.ports);
  const auto sender = OpenSender(options);
  std::unique_ptr<Receiver> receiver;
  if (options.receive) receiver = std::make_unique<Receiver>(options.interface);
  const double seconds = SendAll(sender, network, options);
  std::printf(R"({"sent":%lu,"seconds":%.3f,"per_second":%.0f)", options.count, seconds,
              static_cast<double>(options.count) / seconds);
  if (receiver) std::printf(R"(,"received":%lu)", receiver->Finish());
  std::printf("}\n");
}
