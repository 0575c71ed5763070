// How the process's file descriptors are shared out: connections of HTTP clients, probes, and what
// the program itself opens.
#pragma once

#include <cstddef>

namespace postern {

// Returns the limit, after the first call has raised the soft limit to the hard one. Thread-safe.
std::size_t DescriptorLimit();

// HTTP clients may hold so many of `limit` at once: an eighth, at least 8 and at most 256.
std::size_t ConnectionShare(std::size_t limit);
// All scans together may probe with so many: what the connections and a reserve leave. The reserve
// is for the database, the listening sockets, deliveries, and what each scan opens besides its
// probes.
std::size_t ProbeShare(std::size_t limit);

}  // namespace postern
