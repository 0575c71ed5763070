// What one scan saw, wherever it is written down: in the store, in a file of `postern scan`, or in
// nmap XML. The snapshot is the part that all of them have; names and services are there where the
// source tells them. A plain value; run.id is 0 for a file.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/snapshot.h"

namespace postern {

// The distinct service texts of a scan: a thousand hosts share a few dozen.
class ServiceNames {
 public:
  // The number that stands for `text`, new or known.
  std::uint32_t Intern(std::string_view text);
  // Precondition: `number` came from Intern() of this object.
  const std::string& operator[](std::uint32_t number) const { return texts_[number]; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers_;
};

struct ServiceAt {
  ProtocolPort port;
  std::uint32_t name = 0;  // in ObservedScan::service_names

  auto operator<=>(const ServiceAt&) const = default;
};

struct ObservedScan {
  Snapshot snapshot;
  std::map<IpAddress, std::vector<std::string>> names;  // in the order of the source, each once
  // What answered, where the source identified it; ascending by port, each once.
  std::map<IpAddress, std::vector<ServiceAt>> services;
  ServiceNames service_names;
  // Addresses that did not answer discovery, so that their ports were not asked; ascending.
  std::vector<IpAddress> down;
  // What the random ports of all_ports_open were keyed with; empty for a file.
  std::string ports_secret = {};

  // None where nothing is known of what answers. The view lives as long as the scan.
  std::optional<std::string_view> ServiceOf(const Endpoint& endpoint) const;
};

}  // namespace postern
