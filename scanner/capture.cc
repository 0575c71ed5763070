#include "scanner/capture.h"

#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "scanner/byte_reader.h"

namespace postern::scanner {
namespace {

// In milliseconds; immediate mode does not wait for it.
constexpr int kTimeout = 10;

// IEEE 802.
constexpr std::uint16_t kVlan = 0x8100;
constexpr std::uint16_t kServiceVlan = 0x88a8;

struct CloseHandle {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using Handle = std::unique_ptr<pcap_t, CloseHandle>;

// What follows the link header; empty if there is not even that.
std::span<const std::uint8_t> WithoutLinkHeader(int link_type,
                                                std::span<const std::uint8_t> frame) {
  ByteReader reader(frame);
  switch (link_type) {
    case DLT_EN10MB: {
      reader.Skip(12);
      auto type = reader.U16();
      while (reader.ok() && (type == kVlan || type == kServiceVlan)) {
        reader.Skip(2);
        type = reader.U16();
      }
      break;
    }
    case DLT_LINUX_SLL:
      reader.Skip(16);
      break;
    default:  // DLT_RAW
      break;
  }
  return reader.rest();
}

// Spares a busy scan a copy of each probe, a few per cent of its time; a kernel before 4.20 cannot.
void IgnoreOutgoing(pcap_t* handle) {
  const int on = 1;
  ::setsockopt(pcap_fileno(handle), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
}

Result<void> Configure(pcap_t* handle, const std::string& filter, Capture::Direction direction,
                       const Capture::Room& room) {
  pcap_set_snaplen(handle, room.packet_bytes);
  pcap_set_buffer_size(handle, room.buffer_bytes);
  pcap_set_immediate_mode(handle, 1);
  pcap_set_timeout(handle, kTimeout);
  if (const int status = pcap_activate(handle); status < 0) {
    const std::string detail = pcap_geterr(handle);
    return Error{std::string(pcap_statustostr(status)) + (detail.empty() ? "" : ": " + detail)};
  }
  if (direction == Capture::Direction::kIncoming) IgnoreOutgoing(handle);
  const int link_type = pcap_datalink(handle);
  if (link_type != DLT_EN10MB && link_type != DLT_LINUX_SLL && link_type != DLT_RAW) {
    return Error{"its link type " + std::to_string(link_type) + " is not supported"};
  }
  bpf_program program{};
  if (pcap_compile(handle, &program, filter.c_str(), /*optimize=*/1, PCAP_NETMASK_UNKNOWN) != 0) {
    return Error{std::string("filter: ") + pcap_geterr(handle)};
  }
  const bool filtered = pcap_setfilter(handle, &program) == 0;
  pcap_freecode(&program);
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  if (!filtered || pcap_setnonblock(handle, 1, error.data()) != 0) {
    return Error{filtered ? error.data() : pcap_geterr(handle)};
  }
  return {};
}

}  // namespace

struct Capture::State {
  Handle handle;
  int link_type = 0;
  // The kernel counts in 32 bits, which wrap.
  std::uint32_t last_count = 0;
  std::uint64_t dropped = 0;
};

namespace {

struct Delivery {
  int link_type;
  const Capture::FrameHandler& handler;
};

void Deliver(u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
  const auto& delivery = *reinterpret_cast<const Delivery*>(user);
  const std::chrono::system_clock::time_point stamp{std::chrono::seconds(header->ts.tv_sec) +
                                                    std::chrono::microseconds(header->ts.tv_usec)};
  const std::span frame(bytes, header->caplen);
  const auto packet = WithoutLinkHeader(delivery.link_type, frame);
  if (!packet.empty()) delivery.handler({frame, header->len, stamp, packet});
}

}  // namespace

Capture::Capture(std::unique_ptr<State> state) : state_(std::move(state)) {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

Result<Capture> Capture::Open(const std::string& interface, const std::string& filter,
                              Direction direction, const Room& room) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  Handle handle(pcap_create(interface.c_str(), error.data()));
  if (!handle) return Error{"cannot capture on " + interface + ": " + error.data()};
  if (auto configured = Configure(handle.get(), filter, direction, room); !configured) {
    return Error{"cannot capture on " + interface + ": " + configured.error().message};
  }
  auto state = std::make_unique<State>();
  state->link_type = pcap_datalink(handle.get());
  state->handle = std::move(handle);
  return Capture(std::move(state));
}

int Capture::descriptor() const { return pcap_get_selectable_fd(state_->handle.get()); }

int Capture::Drain(int most, const Handler& handler) {
  const auto wall_now = std::chrono::system_clock::now();
  const auto now = std::chrono::steady_clock::now();
  return DrainFrames(most, [&](const Frame& frame) {
    // The kernel's stamp is of the wall clock; a step of that clock in between must not put the
    // arrival into the future.
    const auto age = std::max(wall_now - frame.at, std::chrono::system_clock::duration::zero());
    handler(frame.packet, now - age);
  });
}

int Capture::DrainFrames(int most, const FrameHandler& handler) {
  Delivery delivery{state_->link_type, handler};
  return std::max(
      0, pcap_dispatch(state_->handle.get(), most, Deliver, reinterpret_cast<u_char*>(&delivery)));
}

int Capture::link_type() const { return state_->link_type; }

std::uint64_t Capture::Dropped() {
  pcap_stat stats{};
  if (pcap_stats(state_->handle.get(), &stats) != 0) return state_->dropped;
  state_->dropped += stats.ps_drop - state_->last_count;
  state_->last_count = stats.ps_drop;
  return state_->dropped;
}

}  // namespace postern::scanner
