#include "policy/yaml_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/parse_number.h"
#include "core/suggest.h"

namespace postern::policy {
namespace {

using Kind = YamlNode::Kind;

// A message of core's parsers, which quotes what it refuses.
constexpr int kMostMessage = 300;

std::string Quoted(std::string_view text) { return "'" + Escaped(text) + "'"; }

std::string Describe(const YamlNode& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return Quoted(node.text);
    case Kind::kSequence:
      return "a list";
    case Kind::kMapping:
      return "a mapping";
  }
  return "";
}

std::string Joined(std::span<const std::string_view> words) {
  std::string text;
  for (const auto word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

// {ports: tcp/22,80}: the comma ended the value.
bool LooksLikePort(std::string_view key) {
  return key.starts_with("tcp/") || key.starts_with("udp/") ||
         (!key.empty() && key[0] >= '0' && key[0] <= '9');
}

bool IsMappedIpv4(const IpAddress& address) {
  const auto bytes = address.bytes();
  return bytes.size() == 16 && bytes[10] == 0xFF && bytes[11] == 0xFF &&
         std::all_of(bytes.begin(), bytes.begin() + 10,
                     [](std::uint8_t byte) { return byte == 0; });
}

// What to write instead of an address that is refused, where that is known.
std::string AddressHint(std::string_view text) {
  if (text.find('%') != std::string_view::npos) {
    return "; zone ids are refused, they mean something on one machine only";
  }
  if (text.find('/') != std::string_view::npos) return "; a prefix cannot stand here";
  const bool name = text.find(':') == std::string_view::npos &&
                    text.find_first_not_of("0123456789.") != std::string_view::npos;
  return name ? "; names go in 'dns'" : "";
}

// Digits, and up to three more after a point.
std::optional<double> ParseQuantity(std::string_view text) {
  const auto point = text.find('.');
  if (!ParseDecimal(text.substr(0, point), 0, 1'000'000'000'000)) return std::nullopt;
  if (point != std::string_view::npos) {
    const auto places = text.substr(point + 1);
    const bool digits = places.find_first_not_of("0123456789") == std::string_view::npos;
    if (places.empty() || places.size() > 3 || !digits) return std::nullopt;
  }
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string ShortNumber(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string DidYouMean(std::string_view word, std::span<const std::string_view> names) {
  const auto nearest = NearestName(word, names);
  return nearest ? "; did you mean '" + *nearest + "'?" : "";
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

const std::string* YamlReader::Scalar(const YamlNode* node, std::string_view expected) {
  if (node == nullptr) return nullptr;
  if (node->kind == Kind::kScalar) return &node->text;
  Error(*node, "expected " + std::string(expected) + ", found " + Describe(*node));
  return nullptr;
}

std::optional<std::string> YamlReader::Text(const YamlNode* node, std::size_t most) {
  const auto* text = Scalar(node, "a text");
  if (text == nullptr) return std::nullopt;
  if (text->empty()) {
    Error(*node, "expected a text, found an empty one");
    return std::nullopt;
  }
  if (text->size() > most) {
    Error(*node, "a text of " + std::to_string(text->size()) + " bytes; at most " +
                     std::to_string(most) + " are allowed");
    return std::nullopt;
  }
  // Escapes in double quotes can write what the file itself must not hold.
  if (const auto bad = FindBadByte(*text)) {
    Error(*node, "the text holds " + bad->message);
    return std::nullopt;
  }
  return *text;
}

std::optional<std::string> YamlReader::Name(const YamlNode* node) {
  const auto* text = Scalar(node, "a name");
  if (text == nullptr) return std::nullopt;
  if (IsName(*text)) return *text;
  Error(*node,
        Quoted(*text) + " is not a name; names have 1 to 253 letters, digits, '.', '_' and '-'");
  return std::nullopt;
}

std::optional<bool> YamlReader::Flag(const YamlNode* node) {
  const auto* text = Scalar(node, "true or false");
  if (text == nullptr) return std::nullopt;
  if (node->plain && (*text == "true" || *text == "false")) return *text == "true";
  Error(*node, "expected true or false" + std::string(node->plain ? "" : " without quotes") +
                   ", found " + Quoted(*text));
  return std::nullopt;
}

std::optional<int> YamlReader::Number(const YamlNode* node, int low, int high) {
  const std::string range = std::to_string(low) + " to " + std::to_string(high);
  const auto* text = Scalar(node, "a number from " + range);
  if (text == nullptr) return std::nullopt;
  const auto value =
      ParseDecimal(*text, static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high));
  if (value && node->plain) return static_cast<int>(*value);
  Error(*node, "expected a plain decimal number from " + range +
                   (node->plain ? "" : " without quotes") + ", found " + Quoted(*text));
  return std::nullopt;
}

std::optional<double> YamlReader::Quantity(const YamlNode* node, double low, double high) {
  const std::string range = ShortNumber(low) + " to " + ShortNumber(high);
  const auto* text = Scalar(node, "a number from " + range);
  if (text == nullptr) return std::nullopt;
  const auto value = ParseQuantity(*text);
  if (value && node->plain && *value >= low && *value <= high) return value;
  Error(*node, "expected a plain decimal number from " + range +
                   (node->plain ? "" : " without quotes") + ", found " + Quoted(*text));
  return std::nullopt;
}

std::optional<Duration> YamlReader::Period(const YamlNode* node, Duration low) {
  const auto* text = Scalar(node, "a duration such as 90s, 5m, 12h or 7d");
  if (text == nullptr) return std::nullopt;
  const auto period = ParseDuration(*text);
  if (!period) {
    Error(*node, Quoted(*text) +
                     " is not a duration; write a whole number and ms, s, m, h or d, such as 90s "
                     "or 7d, at most 10 years");
    return std::nullopt;
  }
  if (*period < low) {
    Error(*node, Quoted(*text) + " is too short; at least " + FormatDuration(low));
    return std::nullopt;
  }
  return period;
}

std::optional<std::chrono::sys_days> YamlReader::Date(const YamlNode* node) {
  const auto* text = Scalar(node, "a date such as 2027-01-31");
  if (text == nullptr) return std::nullopt;
  const auto date = ParseDate(*text);
  if (!date) {
    Error(*node, Quoted(*text) + " is not a date of the calendar; write YYYY-MM-DD");
  }
  return date;
}

std::optional<IpAddress> YamlReader::Address(const YamlNode* node) {
  const auto* text = Scalar(node, "an IPv4 or IPv6 address");
  if (text == nullptr) return std::nullopt;
  const auto address = IpAddress::Parse(*text);
  if (!address) {
    Error(*node, Quoted(*text) + " is not an IPv4 or IPv6 address" + AddressHint(*text));
    return std::nullopt;
  }
  if (IsMappedIpv4(*address)) {
    Error(*node, Quoted(*text) + " is an IPv4 address in IPv6 form; write " +
                     IpAddress::FromBytes(address->bytes().subspan(12))->ToString());
    return std::nullopt;
  }
  return address;
}

std::optional<Prefix> YamlReader::Cidr(const YamlNode* node) {
  const auto* text = Scalar(node, "an address range such as 192.0.2.0/24 or 2001:db8::/64");
  if (text == nullptr) return std::nullopt;
  const auto prefix = Prefix::Parse(*text);
  if (!prefix) {
    const bool zone = text->find('%') != std::string::npos;
    Error(*node, Escaped(prefix.error().message, kMostMessage) + (zone ? AddressHint(*text) : ""));
    return std::nullopt;
  }
  if (IsMappedIpv4(prefix->base()) && prefix->length() >= 96) {
    Error(*node, Quoted(*text) + " is an IPv4 range in IPv6 form; write it as IPv4");
    return std::nullopt;
  }
  return *prefix;
}

std::optional<PortSet> YamlReader::Ports(const YamlNode* node) {
  const auto* text = Scalar(node, "ports in one text, such as \"tcp/22,80-90,udp/53\"");
  if (text == nullptr) return std::nullopt;
  constexpr std::size_t kMaxSpec = 10'000;
  if (text->size() > kMaxSpec) {
    Error(*node, "a port list of " + std::to_string(text->size()) + " characters; at most " +
                     std::to_string(kMaxSpec) + " are allowed, use ranges");
    return std::nullopt;
  }
  // Each costs a thousand insertions for its few characters.
  if (text->find("top-") != text->rfind("top-")) {
    Error(*node, "name top-N once; the larger one holds the smaller");
    return std::nullopt;
  }
  auto ports = PortSet::Parse(*text, PortSet::BarePorts::kAreAnError);
  if (!ports) {
    Error(*node, Escaped(ports.error().message, kMostMessage));
    return std::nullopt;
  }
  return std::move(*ports);
}

const std::string* YamlReader::Word(const YamlNode* node,
                                    std::initializer_list<std::string_view> names) {
  const std::span<const std::string_view> all(names.begin(), names.size());
  const auto* text = Scalar(node, "one of " + Joined(all));
  if (text == nullptr) return nullptr;
  if (std::find(all.begin(), all.end(), *text) != all.end()) return text;
  const bool word = text->find_first_not_of("0123456789.") != std::string::npos;
  Error(*node, "expected one of " + Joined(all) + ", found " + Quoted(*text) +
                   (word ? DidYouMean(*text, all) : ""));
  return nullptr;
}

std::span<const YamlNode* const> YamlReader::Items(const YamlNode* node, Least least) {
  if (node == nullptr) return {};
  if (node->kind != Kind::kSequence) {
    Error(*node, "expected a list, such as [a, b], found " + Describe(*node));
    return {};
  }
  if (least == Least::kAtLeastOne && node->children.empty()) {
    Error(*node, "an empty list names nothing; name at least one, or leave the key out");
  }
  return node->children;
}

Fields::Fields(YamlReader& reader, const YamlNode& node, std::string_view what,
               std::initializer_list<std::string_view> known,
               std::span<const std::string_view> shared)
    : reader_(reader), node_(node), what_(what) {
  std::vector<std::string_view> names(known);
  names.insert(names.end(), shared.begin(), shared.end());
  if (!ok()) {
    reader.Error(node, "expected " + std::string(what) + " with the keys " + Joined(names) +
                           ", found " + Describe(node));
    return;
  }
  for (std::size_t i = 0; i < node.children.size(); i += 2) {
    const YamlNode& key = *node.children[i];
    if (key.kind != Kind::kScalar) continue;
    if (std::find(names.begin(), names.end(), key.text) != names.end()) continue;
    RefuseKey(key, names);
  }
}

void Fields::RefuseKey(const YamlNode& key, std::span<const std::string_view> known) {
  std::string hint = "; " + std::string(what_) + " has the keys " + Joined(known);
  if (key.text == "<<") {
    merged_ = true;
    hint = "; merge keys are not supported, use a plain alias";
  } else if (LooksLikePort(key.text)) {
    hint = "; put a list of ports in quotes";
  } else if (const auto file = key.text + "_file";
             std::find(known.begin(), known.end(), file) != known.end()) {
    misspelt_.push_back(file);
    hint = "; secrets never stand here, name the file that holds it with '" + file + "'";
  } else if (const auto nearest = NearestName(key.text, known)) {
    misspelt_.push_back(*nearest);
    hint = "; did you mean '" + *nearest + "'?";
  }
  reader_.Error(key, "unknown key " + Quoted(key.text) + hint);
}

const YamlNode* Fields::Find(std::string_view key) const {
  if (!ok()) return nullptr;
  for (std::size_t i = 0; i < node_.children.size(); i += 2) {
    const YamlNode& name = *node_.children[i];
    if (name.kind != Kind::kScalar || name.text != key) continue;
    const YamlNode* value = node_.children[i + 1];
    if (value->kind != Kind::kNull) return value;
    reader_.Error(name, "'" + name.text + "' has no value; give one or remove the key");
    return nullptr;
  }
  return nullptr;
}

const YamlNode* Fields::Require(std::string_view key) const {
  if (!ok()) return nullptr;
  const auto* value = Find(key);
  if (value != nullptr) return value;
  for (std::size_t i = 0; i < node_.children.size(); i += 2) {
    if (node_.children[i]->text == key) return nullptr;
  }
  if (merged_ || std::find(misspelt_.begin(), misspelt_.end(), key) != misspelt_.end()) {
    return nullptr;
  }
  reader_.Error(node_, std::string(what_) + " needs the key '" + std::string(key) + "'");
  return nullptr;
}

std::vector<NamedNode> NamedEntries(YamlReader& reader, const YamlNode* node, Keys keys) {
  std::vector<NamedNode> entries;
  if (node == nullptr) return entries;
  if (node->kind != Kind::kMapping) {
    reader.Error(*node, "expected a mapping of names, found " + Describe(*node));
    return entries;
  }
  for (std::size_t i = 0; i < node->children.size(); i += 2) {
    const YamlNode* key = node->children[i];
    const YamlNode* value = node->children[i + 1];
    if (key->kind != Kind::kScalar) continue;
    const auto name = keys == Keys::kNames ? reader.Name(key) : reader.Text(key);
    if (!name) continue;
    if (value->kind == Kind::kNull) {
      reader.Error(*key, Quoted(key->text) + " has no value; give one or remove the key");
      continue;
    }
    entries.push_back({key, value});
  }
  return entries;
}

}  // namespace postern::policy
