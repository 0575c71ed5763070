// The scans that commands are given: the number of a snapshot in the daemon's database, or a file.
#pragma once

#include <string>

#include "core/observed_scan.h"
#include "core/result.h"

namespace postern::cli {

// A plain number is a snapshot of the database that `config` names; its hosts have the policy's
// names. Anything else is a file: nmap XML, or JSON lines of `postern scan`; a file whose name is a
// number is written ./7. Errors say what to do; words from files are in them as they are.
Result<ObservedScan> LoadScan(const std::string& source, const std::string& config);

}  // namespace postern::cli
