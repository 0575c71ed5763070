// One TCP handshake made by the kernel: starting it, and reading off the socket what came of it.
// Plain functions over a descriptor; thread-safe on different descriptors.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/endpoint.h"
#include "core/port_states.h"

namespace postern::scanner {

// Where probes leave from; empty members leave it to the kernel. A target of the other family than
// the source's is a local error.
struct ProbeRoute {
  std::optional<IpAddress> source;
  std::string interface;
};

struct StartedProbe {
  int descriptor = -1;  // the caller's to close; -1 on error
  int error = 0;        // errno of the call that failed
};

// Opens a non-blocking socket and sends the first SYN.
StartedProbe StartProbe(const Endpoint& endpoint, const ProbeRoute& route);

// Whether this machine is short of something that comes back by itself (descriptors, buffers,
// ports), so that trying again in some milliseconds makes sense.
bool IsTemporary(int error);
// "ENETUNREACH"
std::string ErrnoName(int error);

struct ProbeOutcome {
  enum class Kind {
    kPending,      // still waiting
    kAnswered,     // `verdict` says by what
    kNobodyThere,  // neighbour discovery on link found nobody: as good as silence
    kLocalError,   // this machine did it; `error` is its errno
    kSelfConnect,  // the kernel chose the target's own endpoint as source, and met itself
  };
  Kind kind = Kind::kPending;
  Verdict verdict;
  // Open: as the kernel measured it, unless it sent the SYN twice (Karn's algorithm).
  std::optional<std::chrono::microseconds> rtt;
  int error = 0;
};

// What the kernel knows of the handshake by now; takes the pending error off the socket, so that a
// second call no longer sees it.
ProbeOutcome ReadOutcome(int descriptor, const IpAddress& target);

// The kernel's own retransmits of a SYN.
enum class Retransmit {
  kNone,  // not due, or the first SYN still waits for the neighbour's link address
  kSent,
  // This machine did not let it out. It is how the kernel tells of a firewall's output drop, which
  // connect(2) keeps quiet about (measured with nftables, both families, Linux 6.18: tcpi_retrans
  // stays 0 while tcpi_total_retrans counts).
  kHeldBack,
};
Retransmit ReadRetransmit(int descriptor);

// Makes the coming close(2) of an established connection a reset, which leaves no TIME_WAIT; on one
// in SYN_SENT nothing is sent.
void ResetOnClose(int descriptor);

}  // namespace postern::scanner
