// A scan in a file, whatever its format.
#pragma once

#include <string>

#include "core/observed_scan.h"
#include "formats/byte_source.h"

namespace postern::formats {

// A UTF-8 byte order mark is passed over. nmap XML if the first character that is not a space is
// '<', JSON lines if it is '{'.
Result<ObservedScan> ReadScan(ByteSource source);
// Every error begins with the path. Any file that can be read front to back will do, a pipe too.
Result<ObservedScan> ReadScanFile(const std::string& path);

}  // namespace postern::formats
