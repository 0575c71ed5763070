// The history of an address as people and programs read it.
#pragma once

#include <optional>
#include <string>

#include "core/port_set.h"
#include "storage/store.h"

namespace postern::cli {

// What to show: `known` is what is known of the address now.
struct HistoryView {
  storage::AddressHistory history;
  AddressStates known;
  std::string host;                  // the policy's name for it; empty: none
  std::optional<ProtocolPort> port;  // that alone
};

// Whether anything was ever seen of what the view asks for.
bool HasSeen(const HistoryView& view);

// A table of the endpoints, then what changed, the oldest first.
std::string HistoryText(const HistoryView& view);
// Objects of type "endpoint", "change" and "finding", a line each.
std::string HistoryJsonLines(const HistoryView& view);

}  // namespace postern::cli
