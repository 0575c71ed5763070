// What a scan found, as text that a test compares whole.
#pragma once

#include <string>

#include "scanner/scan.h"

namespace postern::scanner {

// "127.0.0.1 tcp/1-9 closed rst" for each range, then the unknown ones' errors and whether every
// endpoint had its turn: "ENETUNREACH 2" and "incomplete".
inline std::string Text(const ScanResult& result) {
  std::string text;
  for (const auto& address : result.addresses) {
    for (const auto protocol : kProtocols) {
      for (const auto& [ports, verdict] : address.of(protocol).ranges()) {
        text += address.address.ToString() + " " + PortSet::Of(protocol, {ports}).ToString() + " " +
                std::string(ToString(verdict.state)) + " " + ToString(verdict.reason) + "\n";
      }
    }
  }
  for (const auto& [name, count] : result.coverage.send_errors) {
    text += name + " " + std::to_string(count) + "\n";
  }
  if (!result.coverage.complete) text += "incomplete\n";
  return text;
}

}  // namespace postern::scanner
