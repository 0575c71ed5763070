// A YAML text as a tree of nodes with their places, safe to walk: bounded in depth and in nodes,
// aliases included; keys are unique texts; nothing is tagged; one document. Scalars stay the text
// that was written: 070 is "070" and yes is "yes".
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "policy/problems.h"
#include "policy/source_file.h"

namespace postern::policy {

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  bool plain = false;  // a scalar without quotes
  int line = 0;        // from 1
  int column = 0;      // in characters, from 1
  std::string text;    // of a scalar
  // A sequence's items; a mapping's keys and values in turn. An alias is its anchor's node.
  std::vector<const YamlNode*> children;
  std::size_t size = 1;  // nodes in this tree, counted as often as aliases repeat them
  int height = 1;
};

class YamlDocument {
 public:
  // Deeper than anything that Postern's files need.
  static constexpr int kMaxDepth = 32;
  // Nodes that a file may hold once its aliases are followed: the 10,000 hosts of the load
  // benchmark take 0.5 million. It bounds both memory and the time to walk the tree.
  static constexpr std::size_t kMaxNodes = 2'000'000;

  // Bytes that may be read before a value ends: the parser holds 250 bytes for each of them.
  static constexpr std::size_t kMaxWithoutValue = std::size_t{512} << 10;

  // Reports everything that is wrong with the text as YAML; of one that holds nothing, with what
  // such a file begins.
  static YamlDocument Parse(const SourceFile& file, Problems& problems,
                            std::string_view beginning = "'version: 1'");

  // Null if the text could not be parsed, or holds nothing.
  const YamlNode* root() const { return root_; }
  const std::string& file() const { return *file_; }

 private:
  friend class DocumentBuilder;

  explicit YamlDocument(const std::string& file) : file_(&file) {}

  const std::string* file_;
  std::deque<YamlNode> nodes_;
  const YamlNode* root_ = nullptr;
};

}  // namespace postern::policy
