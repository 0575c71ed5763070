// Typed reading of a YAML tree: each function takes a node, or null for an absent one, and gives
// its value or nothing; what is wrong has then been reported. Nothing is converted silently.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/ip_address.h"
#include "core/port_set.h"
#include "core/prefix.h"
#include "core/time.h"
#include "policy/problems.h"
#include "policy/yaml_document.h"

namespace postern::policy {

// "; did you mean 'x'?" with the nearest of `names`, or empty.
std::string DidYouMean(std::string_view word, std::span<const std::string_view> names);

// [A-Za-z0-9._-]{1,253}: hosts, roles, viewpoints, scans, receivers.
bool IsName(std::string_view text);

class YamlReader {
 public:
  YamlReader(const YamlDocument& document, Problems& problems)
      : file_(document.file()), problems_(problems) {}

  SourceLocation Where(const YamlNode& node) const { return {file_, node.line, node.column}; }
  void Error(const YamlNode& node, std::string message) {
    problems_.Error(Where(node), std::move(message));
  }
  Problems& problems() { return problems_; }

  // 1 to `most` bytes, quoted or not.
  std::optional<std::string> Text(const YamlNode* node, std::size_t most = 1000);
  std::optional<std::string> Name(const YamlNode* node);
  // true or false, not quoted.
  std::optional<bool> Flag(const YamlNode* node);
  // A plain decimal number, not quoted.
  std::optional<int> Number(const YamlNode* node, int low, int high);
  // The same with up to three decimal places.
  std::optional<double> Quantity(const YamlNode* node, double low, double high);
  std::optional<Duration> Period(const YamlNode* node, Duration low);
  std::optional<std::chrono::sys_days> Date(const YamlNode* node);
  // An address that a probe may be sent to by that name; an IPv4-mapped IPv6 one is refused, since
  // it would reach an IPv4 host past the scope's IPv4 rules.
  std::optional<IpAddress> Address(const YamlNode* node);
  std::optional<Prefix> Cidr(const YamlNode* node);
  std::optional<PortSet> Ports(const YamlNode* node);

  // One of `names`, which `parse` understands.
  template <typename E>
  std::optional<E> Choice(const YamlNode* node, std::optional<E> (*parse)(std::string_view),
                          std::initializer_list<std::string_view> names) {
    const auto* word = Word(node, names);
    return word ? parse(*word) : std::nullopt;
  }

  // The items of a list, or none; with kAtLeastOne an empty one is an error.
  enum class Least { kNone, kAtLeastOne };
  std::span<const YamlNode* const> Items(const YamlNode* node, Least least = Least::kNone);
  // A list of texts that differ from each other, each read by `read`.
  template <typename T>
  std::vector<T> Distinct(const YamlNode* node,
                          const std::function<std::optional<T>(const YamlNode*)>& read) {
    std::vector<T> values;
    std::unordered_set<std::string_view> seen;
    for (const YamlNode* item : Items(node, Least::kAtLeastOne)) {
      if (item->kind == YamlNode::Kind::kScalar && !seen.insert(item->text).second) {
        Error(*item, "'" + Escaped(item->text) + "' stands twice in this list");
        continue;
      }
      if (auto value = read(item)) values.push_back(std::move(*value));
    }
    return values;
  }

 private:
  // The scalar's text; null, with an error, for anything else.
  const std::string* Scalar(const YamlNode* node, std::string_view expected);
  const std::string* Word(const YamlNode* node, std::initializer_list<std::string_view> names);

  const std::string& file_;
  Problems& problems_;
};

// The entries of one mapping by key. A node that is no mapping and every unknown key are reported
// at once; a key without a value is reported when asked for and counts as absent.
class Fields {
 public:
  // `what` says whose keys these are: "a host". Both `known` and `shared` may stand here.
  Fields(YamlReader& reader, const YamlNode& node, std::string_view what,
         std::initializer_list<std::string_view> known,
         std::span<const std::string_view> shared = {});

  // Whether the node is a mapping.
  bool ok() const { return node_.kind == YamlNode::Kind::kMapping; }
  // Null if absent.
  const YamlNode* Find(std::string_view key) const;
  // The same, reported if absent; not where an unknown key is a misspelling of it.
  const YamlNode* Require(std::string_view key) const;

 private:
  void RefuseKey(const YamlNode& key, std::span<const std::string_view> known);

  YamlReader& reader_;
  const YamlNode& node_;
  std::string_view what_;
  std::vector<std::string> misspelt_;  // keys that unknown ones were meant to be
  bool merged_ = false;                // a merge key hides what is there
};

// The name and value of each entry of a mapping whose keys are names, or any texts, of the user's
// choice. Bad ones and empty values are reported and left out.
struct NamedNode {
  const YamlNode* key;
  const YamlNode* value;
};
enum class Keys { kNames, kTexts };
std::vector<NamedNode> NamedEntries(YamlReader& reader, const YamlNode* node,
                                    Keys keys = Keys::kNames);

}  // namespace postern::policy
