#include "formats/nmap_xml_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "core/parse_number.h"
#include "formats/nmap_host.h"
#include "formats/nmap_words.h"
#include "formats/xml_tokens.h"

namespace postern::formats {
namespace {

// The elements that are read; everything in others is passed over.
enum class Element : std::uint8_t {
  kDocument,
  kRun,
  kHost,
  kHostnames,
  kPorts,
  kPort,
  kExtraPorts,
  kRunStats,
  kOther,
};

// Of TCP, UDP, SCTP and IP protocols together.
constexpr std::uint64_t kMaxExtraPorts = 3 * 65536 + 256;

// 9999-12-31, the last day that has a text (core/time.h).
constexpr std::uint64_t kLatestSecond = 253'402'300'799;

class Reader {
 public:
  explicit Reader(ByteSource source) : xml_(std::move(source)) {}

  Result<ObservedScan> Read() {
    for (;;) {
      switch (xml_.Next()) {
        case XmlTokens::Event::kStart:
          inside_.push_back(Enter());
          break;
        case XmlTokens::Event::kEnd:
          Leave(inside_.back());
          inside_.pop_back();
          break;
        case XmlTokens::Event::kEndOfDocument:
          return Finish();
        case XmlTokens::Event::kError:
          return xml_.error();
      }
      if (wrong_) return *wrong_;
    }
  }

 private:
  Element Enter() {
    switch (inside_.back()) {
      case Element::kDocument:
        return EnterRun();
      case Element::kRun:
        return EnterPartOfRun();
      case Element::kHost:
        return EnterPartOfHost();
      case Element::kHostnames:
        if (xml_.name() == "hostname") AddName();
        return Element::kOther;
      case Element::kPorts:
        return EnterPartOfPorts();
      case Element::kPort:
        if (xml_.name() == "state") ReadState();
        if (xml_.name() == "service") ReadService();
        return Element::kOther;
      case Element::kExtraPorts:
        if (xml_.name() == "extrareasons") ReadExtraReasons();
        return Element::kOther;
      case Element::kRunStats:
        if (xml_.name() == "finished") ReadFinished();
        return Element::kOther;
      case Element::kOther:
        return Element::kOther;
    }
    return Element::kOther;
  }

  void Leave(Element element) {
    if (element == Element::kPort) FinishPort();
    if (element == Element::kHost) FinishHost();
  }

  Element EnterRun() {
    if (xml_.name() != "nmaprun") {
      Refuse("this is <" + std::string(xml_.name()) + ">; nmap XML begins with <nmaprun>");
    }
    if (const auto start = TimeOf("start")) scan_.snapshot.run.started = *start;
    scan_.snapshot.run.program_version = xml_.Attribute("version").value_or("");
    return Element::kRun;
  }

  Element EnterPartOfRun() {
    if (xml_.name() == "host") {
      host_ = NmapHost();
      return Element::kHost;
    }
    if (xml_.name() == "scaninfo") ReadScanInfo();
    return xml_.name() == "runstats" ? Element::kRunStats : Element::kOther;
  }

  Element EnterPartOfHost() {
    if (xml_.name() == "ports") return Element::kPorts;
    if (xml_.name() == "hostnames") return Element::kHostnames;
    if (xml_.name() == "status") host_.is_down = xml_.Attribute("state") == "down";
    if (xml_.name() == "address") ReadAddress();
    return Element::kOther;
  }

  Element EnterPartOfPorts() {
    if (xml_.name() == "port") return EnterPort();
    if (xml_.name() == "extraports") return EnterExtraPorts();
    return Element::kOther;
  }

  // What is not TCP or UDP counts, so that the numbers of `extraports` are not taken for others'.
  void ReadScanInfo() {
    const auto protocol = ParseProtocol(xml_.Attribute("protocol").value_or(""));
    if (!protocol) return;
    const auto ports = ParseNmapPorts(xml_.Attribute("services").value_or(""));
    if (!ports) return Refuse("scaninfo's services are no list of ports, such as 22,80-90");
    for (const auto& range : *ports) asked_.Add(*protocol, range);
  }

  void ReadAddress() {
    const auto type = xml_.Attribute("addrtype").value_or("ipv4");
    if (host_.address || (type != "ipv4" && type != "ipv6")) return;
    const auto text = xml_.Attribute("addr").value_or("");
    host_.address = IpAddress::Parse(text);
    if (!host_.address) Refuse("'" + Shortened(text) + "' is not an address");
  }

  void AddName() {
    const auto name = xml_.Attribute("name").value_or("");
    const bool known = std::find(host_.names.begin(), host_.names.end(), name) != host_.names.end();
    if (!name.empty() && !known) host_.names.emplace_back(name);
  }

  Element EnterPort() {
    port_ = {};
    for (const auto& attribute : xml_.attributes()) {
      if (attribute.name == "portid") {
        const auto number = ParseDecimal(attribute.value, 0, 65535);
        if (!number) Refuse("'" + Shortened(attribute.value) + "' is not a port");
        port_.number = static_cast<std::uint16_t>(number.value_or(0));
      } else if (attribute.name == "protocol") {
        port_.protocol = ParseProtocol(attribute.value);
      }
    }
    return Element::kPort;
  }

  void ReadState() {
    std::string_view reason;
    for (const auto& attribute : xml_.attributes()) {
      if (attribute.name == "state") {
        port_.state = ParseNmapState(attribute.value).value_or(PortState::kUnknown);
      } else if (attribute.name == "reason") {
        reason = attribute.value;
      }
    }
    if (!port_.state || !port_.protocol) return;
    port_.reason = NmapReason(reason, *port_.state, *port_.protocol, FamilyOfHost());
  }

  void ReadService() {
    std::string_view name, tunnel, product, version, extra;
    for (const auto& [key, value] : xml_.attributes()) {
      if (key == "method" && value == "table") return;
      if (key == "name") name = value;
      if (key == "tunnel") tunnel = value;
      if (key == "product") product = value;
      if (key == "version") version = value;
      if (key == "extrainfo") extra = value;
    }
    service_.clear();
    if (!tunnel.empty()) service_.append(tunnel).append("/");
    service_.append(name);
    if (!product.empty()) service_.append(" ").append(product);
    if (!version.empty()) service_.append(" ").append(version);
    if (!extra.empty()) service_.append(" (").append(extra).append(")");
    if (!service_.empty()) port_.service = scan_.service_names.Intern(service_);
  }

  void FinishPort() {
    // nmap lists protocols of other kinds too, and a port 0 that no set here holds.
    if (!port_.protocol || !port_.state || port_.number == 0) return;
    const auto at = static_cast<std::size_t>(*port_.protocol);
    host_.stretches[at].push_back({{port_.number, port_.number}, {*port_.state, port_.reason}});
    if (port_.service) {
      host_.services.push_back({{*port_.protocol, port_.number}, *port_.service});
    }
  }

  Element EnterExtraPorts() {
    const auto state = ParseNmapState(xml_.Attribute("state").value_or(""));
    const auto count = ParseDecimal(xml_.Attribute("count").value_or(""), 0, kMaxExtraPorts);
    if (!count) Refuse("extraports needs a count");
    host_.summed_up.push_back({state.value_or(PortState::kUnknown), count.value_or(0), {}});
    return Element::kExtraPorts;
  }

  void ReadExtraReasons() {
    auto& group = host_.summed_up.back();
    const std::string reason(xml_.Attribute("reason").value_or(""));
    group.reason = group.reason && *group.reason != reason ? "" : reason;
    const auto protocol = ExtraProtocol();
    const auto list = xml_.Attribute("ports");
    if (!list || (!protocol && !xml_.Attribute("proto"))) return;
    const auto ports = ParseNmapPorts(*list);
    if (!ports) return Refuse("extrareasons' ports are no list of ports, such as 22,80-90");
    for (const auto& range : *ports) {
      if (range.size() > group.count) return Refuse("extraports counts fewer ports than it names");
      group.count -= range.size();
      if (!protocol) continue;
      host_.stretches[static_cast<std::size_t>(*protocol)].push_back(
          {range, {group.state, NmapReason(reason, group.state, *protocol, FamilyOfHost())}});
    }
  }

  // Older files do not say it where only one was asked.
  std::optional<Protocol> ExtraProtocol() const {
    if (const auto named = xml_.Attribute("proto")) return ParseProtocol(*named);
    const bool tcp = !asked_.ranges(Protocol::kTcp).empty();
    const bool udp = !asked_.ranges(Protocol::kUdp).empty();
    if (tcp == udp) return std::nullopt;
    return tcp ? Protocol::kTcp : Protocol::kUdp;
  }

  Family FamilyOfHost() const { return host_.address ? host_.address->family() : Family::kIpv4; }

  void FinishHost() {
    if (!host_.address) return Refuse("a host without an IPv4 or IPv6 address");
    const auto address = *host_.address;
    if (!host_.names.empty()) {
      auto& names = scan_.names[address];
      for (auto& name : host_.names) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
          names.push_back(std::move(name));
        }
      }
    }
    if (host_.is_down) {
      down_.insert(address);
      return;
    }
    auto states = std::move(host_).States(asked_);
    if (!states) return Refuse(states.error().message);
    AddServices(address);
    const auto [at, is_new] = hosts_.try_emplace(address, std::move(*states));
    if (!is_new) LayOver(at->second, *states);
  }

  void AddServices(const IpAddress& address) {
    if (host_.services.empty()) return;
    auto& services = scan_.services[address];
    // The later one of a port first, so that it is the one that stays.
    services.insert(services.begin(), host_.services.begin(), host_.services.end());
    const auto by_port = [](const ServiceAt& a, const ServiceAt& b) { return a.port < b.port; };
    const auto same_port = [](const ServiceAt& a, const ServiceAt& b) { return a.port == b.port; };
    std::stable_sort(services.begin(), services.end(), by_port);
    services.erase(std::unique(services.begin(), services.end(), same_port), services.end());
  }

  // What is known twice is as the later host says; what is known once stays known.
  static void LayOver(AddressStates& states, const AddressStates& later) {
    for (const auto protocol : kProtocols) {
      PortStates merged = later.of(protocol);
      merged.Overlay(states.of(protocol).Known());
      merged.Overlay(later.of(protocol).Known());
      PortStates all = states.of(protocol);
      all.Overlay(merged);
      states.of(protocol) = std::move(all);
    }
  }

  void ReadFinished() {
    if (const auto time = TimeOf("time")) scan_.snapshot.run.finished = *time;
    scan_.snapshot.coverage.complete = xml_.Attribute("exit").value_or("success") == "success";
  }

  std::optional<TimePoint> TimeOf(std::string_view name) const {
    const auto seconds = ParseDecimal(xml_.Attribute(name).value_or(""), 0, kLatestSecond);
    if (!seconds) return std::nullopt;
    return TimePoint(std::chrono::seconds(*seconds));
  }

  ObservedScan Finish() {
    auto& [run, coverage, addresses] = scan_.snapshot;
    for (const auto& address : down_) {
      if (!hosts_.contains(address)) scan_.down.push_back(address);
    }
    addresses.reserve(hosts_.size());
    for (auto& [address, states] : hosts_) {
      states.address = address;
      for (const auto protocol : kProtocols) {
        coverage.asked += states.of(protocol).size();
        coverage.unknown += states.of(protocol).Count(PortState::kUnknown);
      }
      addresses.push_back(std::move(states));
    }
    return std::move(scan_);
  }

  static std::string Shortened(std::string_view text) {
    constexpr std::size_t kEnoughToFind = 60;
    return std::string(text.substr(0, kEnoughToFind));
  }

  void Refuse(const std::string& message) {
    if (!wrong_) wrong_ = xml_.ErrorHere(message);
  }

  struct Port {
    std::uint16_t number = 0;
    std::optional<Protocol> protocol;  // none: neither TCP nor UDP
    std::optional<PortState> state;
    Reason reason;
    std::optional<std::uint32_t> service;
  };

  XmlTokens xml_;
  std::vector<Element> inside_ = {Element::kDocument};
  ObservedScan scan_;
  PortSet asked_;
  std::map<IpAddress, AddressStates> hosts_;
  std::set<IpAddress> down_;
  NmapHost host_;
  Port port_;
  std::string service_;  // kept for its memory
  std::optional<Error> wrong_;
};

}  // namespace

Result<ObservedScan> ReadNmapXml(ByteSource source) { return Reader(std::move(source)).Read(); }

}  // namespace postern::formats
