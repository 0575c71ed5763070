// Reads what `postern scan --format jsonl` writes (exporters/scan_jsonl.h), as a stream of lines.
// A host's asked endpoints without an object of their own are in its one remaining state; the
// numbers under "states" say which, and must agree. Keys that are not known here are passed over,
// so that a newer version's files can be read.
#pragma once

#include <cstddef>

#include "core/observed_scan.h"
#include "formats/byte_source.h"

namespace postern::formats {

// Longer lines are refused. A host with every second port asked takes 400 KB.
inline constexpr std::size_t kLongestLine = std::size_t{4} << 20;

// Fails, with the line, on what is no such file, contradicts itself, or ends without its summary:
// a scan that was interrupted still writes one.
Result<ObservedScan> ReadScanJsonLines(ByteSource source);

}  // namespace postern::formats
