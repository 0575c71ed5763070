#include "scanner/capture.h"

#include <linux/filter.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace postern::scanner {
namespace {

// A block holds some frames side by side; the kernel allocates each as a whole.
constexpr unsigned kBlockBytes = 1 << 16;
// What the kernel writes before the IP header (tpacket_rcv): the frame's header, the address, and
// 16 bytes of room.
constexpr unsigned kBeforePacket = TPACKET_ALIGN(TPACKET2_HDRLEN) + 16;
// IEEE 802.1Q: the low twelve bits of a tag; 0 is a priority without a VLAN.
constexpr std::uint16_t kVlanId = 0x0fff;

struct CloseHandle {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};

struct FreeProgram {
  void operator()(bpf_program* program) const {
    pcap_freecode(program);
    delete program;
  }
};
using Program = std::unique_ptr<bpf_program, FreeProgram>;

Result<Program> Compile(const std::string& filter, int packet_bytes) {
  const std::unique_ptr<pcap_t, CloseHandle> handle(pcap_open_dead(DLT_RAW, packet_bytes));
  if (!handle) return Error{"no memory for the filter"};
  Program program(new bpf_program{});
  if (pcap_compile(handle.get(), program.get(), filter.c_str(), /*optimize=*/1,
                   PCAP_NETMASK_UNKNOWN) != 0) {
    return Error{std::string("filter: ") + pcap_geterr(handle.get())};
  }
  return program;
}

template <typename T>
bool SetOption(int descriptor, int level, int option, const T& value) {
  return ::setsockopt(descriptor, level, option, &value, sizeof(value)) == 0;
}

// libpcap's instructions are the kernel's.
bool SetFilter(int descriptor, bpf_program& program) {
  static_assert(sizeof(bpf_insn) == sizeof(sock_filter));
  const sock_fprog kernel_program{static_cast<unsigned short>(program.bf_len),
                                  reinterpret_cast<sock_filter*>(program.bf_insns)};
  return SetOption(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, kernel_program);
}

tpacket_req RingOf(const Capture::Room& room) {
  tpacket_req ring{};
  ring.tp_frame_size = TPACKET_ALIGN(kBeforePacket + static_cast<unsigned>(room.packet_bytes));
  ring.tp_block_size = kBlockBytes;
  ring.tp_block_nr = static_cast<unsigned>(room.buffer_bytes) / kBlockBytes;
  ring.tp_frame_nr = ring.tp_block_size / ring.tp_frame_size * ring.tp_block_nr;
  return ring;
}

std::string Failure(const std::string& what) {
  return "cannot capture: " + what + ": " + std::strerror(errno);
}

}  // namespace

struct Capture::State {
  ~State() {
    if (memory != MAP_FAILED) ::munmap(memory, size);
    if (descriptor >= 0) ::close(descriptor);
  }

  tpacket2_hdr* Next() const {
    const auto frames = ring.tp_block_size / ring.tp_frame_size;
    return reinterpret_cast<tpacket2_hdr*>(static_cast<std::uint8_t*>(memory) +
                                           std::size_t{next / frames} * ring.tp_block_size +
                                           std::size_t{next % frames} * ring.tp_frame_size);
  }

  int descriptor = -1;
  tpacket_req ring{};
  void* memory = MAP_FAILED;
  std::size_t size = 0;
  unsigned next = 0;  // frame of the ring
  bool outgoing = false;
  std::uint64_t dropped = 0;
};

namespace {

// Whether the frame is one for the IP layer of the interface that it came in by.
bool IsForIp(const tpacket2_hdr& header, const sockaddr_ll& link) {
  const auto protocol = ntohs(link.sll_protocol);
  if (protocol != ETHERTYPE_IP && protocol != ETHERTYPE_IPV6) return false;
  const bool tagged = (header.tp_status & TP_STATUS_VLAN_VALID) != 0;
  return !tagged || (header.tp_vlan_tci & kVlanId) == 0;
}

bool IsFrom(const sockaddr_ll& link, bool outgoing) {
  if (link.sll_pkttype == PACKET_HOST) return true;
  // The loopback brings its packets back.
  return outgoing && link.sll_pkttype == PACKET_OUTGOING && link.sll_hatype != ARPHRD_LOOPBACK;
}

Capture::Frame FrameOf(const tpacket2_hdr& header, const sockaddr_ll& link) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&header) + header.tp_net;
  constexpr auto kVerified = TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID;
  return {std::span(begin, header.tp_snaplen), header.tp_len,
          std::chrono::system_clock::time_point(std::chrono::seconds(header.tp_sec) +
                                                std::chrono::nanoseconds(header.tp_nsec)),
          link, (header.tp_status & kVerified) != 0};
}

Result<void> Prepare(int descriptor, const std::string& filter, Capture::Direction direction,
                     const Capture::Room& room, const tpacket_req& ring) {
  auto program = Compile(filter, room.packet_bytes);
  if (!program) return program.error();
  if (!SetFilter(descriptor, **program)) return Error{Failure("its filter")};
  // Spares a busy scan a copy of each probe, a few per cent of its time; a kernel before 4.20
  // cannot, and IsFrom() leaves them out.
  if (direction == Capture::Direction::kIncoming) {
    SetOption(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  }
  if (!SetOption(descriptor, SOL_PACKET, PACKET_VERSION, static_cast<int>(TPACKET_V2)) ||
      !SetOption(descriptor, SOL_PACKET, PACKET_RX_RING, ring)) {
    return Error{Failure("its buffer")};
  }
  return {};
}

}  // namespace

Capture::Capture(std::unique_ptr<State> state) : state_(std::move(state)) {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

Result<Capture> Capture::Open(const std::string& filter, Direction direction, const Room& room) {
  auto state = std::make_unique<State>();
  // Protocol 0 receives nothing until the filter and the ring are there.
  state->descriptor = ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (state->descriptor < 0) return Error{Failure("no packet socket")};
  state->outgoing = direction == Direction::kBoth;
  state->ring = RingOf(room);
  if (auto ready = Prepare(state->descriptor, filter, direction, room, state->ring); !ready) {
    return ready.error();
  }
  state->size = std::size_t{state->ring.tp_block_size} * state->ring.tp_block_nr;
  state->memory =
      ::mmap(nullptr, state->size, PROT_READ | PROT_WRITE, MAP_SHARED, state->descriptor, 0);
  if (state->memory == MAP_FAILED) return Error{Failure("its buffer")};
  sockaddr_ll every{};
  every.sll_family = AF_PACKET;
  every.sll_protocol = htons(ETH_P_ALL);
  if (::bind(state->descriptor, reinterpret_cast<const sockaddr*>(&every), sizeof(every)) != 0) {
    return Error{Failure("no packets")};
  }
  return Capture(std::move(state));
}

int Capture::descriptor() const { return state_->descriptor; }

int Capture::Drain(int most, const Handler& handler) {
  const auto wall_now = std::chrono::system_clock::now();
  const auto now = std::chrono::steady_clock::now();
  return DrainFrames(most, [&](const Frame& frame) {
    const auto packet = Believed(frame);
    if (!packet) return;
    // The kernel's stamp is of the wall clock; a step of that clock in between must not put the
    // arrival into the future.
    const auto age = std::max(wall_now - frame.at, std::chrono::system_clock::duration::zero());
    handler(*packet, now - age);
  });
}

int Capture::DrainFrames(int most, const FrameHandler& handler) {
  int read = 0;
  for (; read < most; ++read) {
    tpacket2_hdr& header = *state_->Next();
    const std::atomic_ref<__u32> status(header.tp_status);
    if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) break;
    sockaddr_ll link{};
    std::memcpy(
        &link, reinterpret_cast<const std::uint8_t*>(&header) + TPACKET_ALIGN(sizeof(tpacket2_hdr)),
        sizeof(link));
    if (IsForIp(header, link) && IsFrom(link, state_->outgoing)) handler(FrameOf(header, link));
    status.store(TP_STATUS_KERNEL, std::memory_order_release);
    state_->next = (state_->next + 1) % state_->ring.tp_frame_nr;
  }
  return read;
}

std::uint64_t Capture::Dropped() {
  // Reading the counts sets them back.
  tpacket_stats counts{};
  socklen_t size = sizeof(counts);
  if (::getsockopt(state_->descriptor, SOL_PACKET, PACKET_STATISTICS, &counts, &size) == 0) {
    state_->dropped += counts.tp_drops;
  }
  return state_->dropped;
}

std::string WithExtensionHeaders(const std::string& filter) {
  return "(" + filter +
         ") or (ip6 and (ip6[6] == 0 or ip6[6] == 43 or ip6[6] == 44 or ip6[6] == 60))";
}

std::optional<Packet> Believed(const Capture::Frame& frame) {
  if (frame.link.sll_pkttype != PACKET_HOST) return std::nullopt;
  const bool cut = frame.packet.size() < frame.length;
  return ParsePacket(frame.packet, cut                        ? Checks::kCut
                                   : frame.checksums_verified ? Checks::kChecksummed
                                                              : Checks::kNothing);
}

}  // namespace postern::scanner
