#include "formats/scan_jsonl_reader.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <map>
#include <utility>

#include "core/parse_number.h"
#include "formats/usual_reason.h"

namespace postern::formats {
namespace {

namespace json = boost::json;

// Reads line by line; a line without an end counts.
class Lines {
 public:
  explicit Lines(ByteSource source) : source_(std::move(source)) {}

  // None at the end of the input. The view is valid until the next call.
  Result<std::optional<std::string_view>> Next() {
    for (std::size_t searched = begin_;;) {
      const auto end = buffer_.find('\n', searched);
      if (end != std::string::npos) return Take(end);
      if (ended_) {
        if (begin_ == buffer_.size()) return std::optional<std::string_view>();
        return Take(buffer_.size());
      }
      if (buffer_.size() - begin_ > kLongestLine) {
        return Error{"line " + std::to_string(number_ + 1) + " is longer than " +
                     std::to_string(kLongestLine >> 20) + " MiB"};
      }
      buffer_.erase(0, begin_);
      begin_ = 0;
      searched = buffer_.size();
      if (auto read = ReadOn(); !read) return read.error();
    }
  }
  std::size_t number() const { return number_; }

 private:
  std::optional<std::string_view> Take(std::size_t end) {
    const auto line = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = std::min(end + 1, buffer_.size());
    ++number_;
    return line;
  }

  Result<void> ReadOn() {
    constexpr std::size_t kChunk = std::size_t{64} << 10;
    const auto size = buffer_.size();
    buffer_.resize(size + kChunk);
    const auto read = source_(std::span(buffer_).subspan(size));
    if (!read) return read.error();
    buffer_.resize(size + *read);
    ended_ = *read == 0;
    return {};
  }

  ByteSource source_;
  std::string buffer_;
  std::size_t begin_ = 0;   // what was not yet returned starts here
  std::size_t number_ = 0;  // of the line returned last
  bool ended_ = false;
};

// The text of a key; none where there is no such text.
std::optional<std::string_view> Text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return std::nullopt;
  return std::string_view(*text);
}

std::optional<std::uint64_t> Number(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  if (error) return std::nullopt;
  return number;
}

// "2026-01-31T23:59:59.123Z"
std::optional<TimePoint> Time(const json::object& object, std::string_view key) {
  const auto text = Text(object, key);
  return text ? ParseTime(*text) : std::nullopt;
}

// A text of digits, or a number as older files have it; 0 for anything else.
std::uint64_t SeedOf(const json::object& object) {
  if (const auto text = Text(object, "seed")) return ParseDecimal(*text, 0, UINT64_MAX).value_or(0);
  return Number(object, "seed").value_or(0);
}

class Reader {
 public:
  explicit Reader(ByteSource source) : lines_(std::move(source)) {}

  Result<ObservedScan> Read() {
    for (;;) {
      const auto line = lines_.Next();
      if (!line) return line.error();
      if (!*line) break;
      if ((*line)->find_first_not_of(" \t\r") == std::string_view::npos) continue;
      if (auto read = ReadLine(**line); !read) return Wrong(read.error().message);
    }
    if (!has_summary_) {
      return Error{"the file ends without its summary after line " +
                   std::to_string(lines_.number()) +
                   ": it was cut off, or its scan has not finished"};
    }
    return std::move(scan_);
  }

 private:
  Result<void> ReadLine(std::string_view line) {
    if (has_summary_) return Error{"nothing may follow the summary"};
    boost::system::error_code error;
    const auto value = json::parse(line, error);
    if (error) return Error{"this is no JSON object: " + error.message()};
    const auto* object = value.if_object();
    if (object == nullptr) return Error{"an object must stand here"};
    const auto type = Text(*object, "type").value_or("");
    if (type == "endpoint") return ReadEndpoint(*object);
    if (type == "host") return ReadHost(*object);
    if (type == "summary") return ReadSummary(*object);
    return Error{"\"type\" must be endpoint, host or summary, as `postern scan` writes it"};
  }

  Result<void> ReadEndpoint(const json::object& object) {
    const auto address = IpAddress::Parse(Text(object, "address").value_or(""));
    const auto protocol = ParseProtocol(Text(object, "protocol").value_or(""));
    const auto port = Number(object, "port");
    const auto state = ParsePortState(Text(object, "state").value_or(""));
    if (!address || !protocol || !port || *port == 0 || *port > 65535 || !state) {
      return Error{"an endpoint needs an address, a protocol, a port and a state"};
    }
    if (!listed_.empty() && *address != of_) {
      return Error{"the host object of " + of_.ToString() + " is missing"};
    }
    of_ = *address;
    const auto reason = ParseReason(Text(object, "reason").value_or(""));
    const ProtocolPort at{*protocol, static_cast<std::uint16_t>(*port)};
    const Verdict verdict{*state,
                          reason.value_or(UsualReason(*state, *protocol, address->family()))};
    if (!listed_.emplace(at, verdict).second) return Error{"this endpoint stands twice"};
    if (const auto service = Text(object, "service"); service && !service->empty()) {
      services_.push_back({at, scan_.service_names.Intern(*service)});
    }
    return {};
  }

  Result<void> ReadHost(const json::object& object) {
    const auto address = IpAddress::Parse(Text(object, "address").value_or(""));
    const auto spec = Text(object, "asked");
    if (!address || !spec) return Error{"a host needs an address and what was asked"};
    if (!listed_.empty() && *address != of_) {
      return Error{"the host object of " + of_.ToString() + " is missing"};
    }
    auto& addresses = scan_.snapshot.addresses;
    if (!addresses.empty() && addresses.back().address >= *address) {
      return Error{address->ToString() + " stands twice or out of order"};
    }
    PortSet asked;
    if (!spec->empty()) {
      auto parsed = PortSet::Parse(*spec, PortSet::BarePorts::kAreAnError);
      if (!parsed) return Error{"\"asked\": " + parsed.error().message};
      asked = std::move(*parsed);
    }
    auto states = StatesOf(*address, asked, object);
    if (!states) return states.error();
    addresses.push_back(std::move(*states));
    AddNames(*address, object);
    if (!services_.empty()) {
      std::sort(services_.begin(), services_.end());
      scan_.services[*address] = std::exchange(services_, {});
    }
    return {};
  }

  // Lays the listed endpoints over the state of the rest, and forgets them.
  Result<AddressStates> StatesOf(const IpAddress& address, const PortSet& asked,
                                 const json::object& object) {
    const auto rest = RestState(asked, object);
    if (!rest) return rest.error();
    AddressStates states{address, {}};
    for (const auto protocol : kProtocols) {
      const Verdict verdict{*rest, UsualReason(*rest, protocol, address.family())};
      for (const auto& range : asked.ranges(protocol)) {
        states.of(protocol).Append(range, verdict);
      }
      PortStates listed;
      for (const auto& [at, own] : listed_) {
        if (at.protocol == protocol) listed.Append({at.port, at.port}, own);
      }
      states.of(protocol).Overlay(listed);
      scan_.snapshot.coverage.asked += states.of(protocol).size();
      scan_.snapshot.coverage.unknown += states.of(protocol).Count(PortState::kUnknown);
    }
    listed_.clear();
    return states;
  }

  // The state whose number is not reached by the listed endpoints.
  Result<PortState> RestState(const PortSet& asked, const json::object& object) const {
    constexpr std::array kStates = {PortState::kUnknown, PortState::kOpen, PortState::kClosed,
                                    PortState::kFiltered, PortState::kOpenFiltered};
    std::array<std::uint64_t, kStates.size()> listed{};
    for (const auto& [at, verdict] : listed_) {
      if (!asked.Contains(at.protocol, at.port)) {
        return Error{std::string(ToString(at.protocol)) + "/" + std::to_string(at.port) +
                     " has a state, but was not asked"};
      }
      ++listed[static_cast<std::size_t>(verdict.state)];
    }
    const auto* counts = object.if_contains("states");
    if (counts == nullptr || !counts->is_object()) return Error{"a host needs \"states\""};
    const std::uint64_t remaining = asked.size() - listed_.size();
    PortState rest = PortState::kUnknown;
    std::uint64_t unlisted = 0;
    for (const auto state : kStates) {
      const auto count = Number(counts->get_object(), ToString(state)).value_or(0);
      const auto own = listed[static_cast<std::size_t>(state)];
      if (count == own) continue;
      if (count < own || unlisted != 0) return Disagreement();
      unlisted = count - own;
      rest = state;
    }
    if (unlisted != remaining) return Disagreement();
    return rest;
  }

  static Error Disagreement() {
    return Error{"\"states\" disagrees with the endpoints before it: a line is missing or changed"};
  }

  void AddNames(const IpAddress& address, const json::object& object) {
    const auto* value = object.if_contains("names");
    const auto* list = value == nullptr ? nullptr : value->if_array();
    if (list == nullptr) return;
    for (const auto& name : *list) {
      if (const auto* text = name.if_string()) scan_.names[address].emplace_back(*text);
    }
  }

  Result<void> ReadSummary(const json::object& object) {
    if (!listed_.empty()) return Error{"the host object of " + of_.ToString() + " is missing"};
    const auto* complete = object.if_contains("complete");
    if (complete == nullptr || !complete->is_bool()) {
      return Error{"a summary needs \"complete\", true or false"};
    }
    auto& [run, coverage, addresses] = scan_.snapshot;
    coverage.complete = complete->get_bool();
    run.program_version = Text(object, "version").value_or("");
    run.viewpoint = Text(object, "viewpoint").value_or("");
    run.seed = SeedOf(object);
    if (const auto started = Time(object, "started")) run.started = *started;
    if (const auto finished = Time(object, "finished")) run.finished = *finished;
    if (Number(object, "hosts").value_or(addresses.size()) != addresses.size()) {
      return Error{"the summary counts other hosts than stand here: lines are missing"};
    }
    has_summary_ = true;
    return {};
  }

  Error Wrong(const std::string& message) const {
    return Error{"line " + std::to_string(lines_.number()) + ": " + message};
  }

  Lines lines_;
  ObservedScan scan_;
  IpAddress of_;                            // the address of what is listed
  std::map<ProtocolPort, Verdict> listed_;  // endpoints whose host object is still to come
  std::vector<ServiceAt> services_;         // of these
  bool has_summary_ = false;
};

}  // namespace

Result<ObservedScan> ReadScanJsonLines(ByteSource source) {
  return Reader(std::move(source)).Read();
}

}  // namespace postern::formats
