#include "policy/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <streambuf>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace postern::policy {
namespace {

// Ends the parser's walk; what is wrong has been reported.
struct Stop {};

// Ends the parser's reading: nothing came of the text behind `since`.
struct NothingCame {
  std::size_t since = 0;
};

// A stream over text that somebody else owns, which ends with NothingCame where the parser reads
// too far without an event. It holds all that it read until it knows whether a '[', a '{' or a text
// is a key: 250 bytes for each token, measured with yaml-cpp 0.7.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(const std::string& text) : text_(text) {}

  // The parser gave an event.
  void MarkEvent() { event_ = read_; }

 private:
  int_type underflow() override {
    constexpr std::size_t kPiece = 4096;
    if (read_ == text_.size()) return traits_type::eof();
    if (read_ - event_ > YamlDocument::kMaxWithoutValue) throw NothingCame{event_};
    char* begin = const_cast<char*>(text_.data()) + read_;
    const auto size = std::min(kPiece, text_.size() - read_);
    setg(begin, begin, begin + size);
    read_ += size;
    return traits_type::to_int_type(*begin);
  }

  const std::string& text_;
  std::size_t read_ = 0;   // by the parser
  std::size_t event_ = 0;  // what was read when the last event came
};

// The parser's columns count bytes; ours count characters. Marks come nearly in order, so counting
// from the last one keeps it linear on long lines.
class ColumnCounter {
 public:
  explicit ColumnCounter(const SourceFile& file) : file_(file) {}

  int ColumnOf(int line, int byte) {
    if (line != line_) {
      line_ = line;
      bytes_ = file_.Line(line);
      at_ = 0;
      column_ = 1;
    }
    const auto target = std::min(static_cast<std::size_t>(std::max(byte, 0)), bytes_.size());
    for (; at_ < target; ++at_) column_ += BeginsCharacter(at_) ? 1 : 0;
    for (; at_ > target; --at_) column_ -= BeginsCharacter(at_ - 1) ? 1 : 0;
    return column_;
  }

 private:
  bool BeginsCharacter(std::size_t at) const {
    return (static_cast<std::uint8_t>(bytes_[at]) & 0xC0) != 0x80;
  }

  const SourceFile& file_;
  int line_ = 0;
  std::string_view bytes_;
  std::size_t at_ = 0;
  int column_ = 1;
};

// One of yaml-cpp's terse messages in words that tell what to do.
struct Wording {
  std::string_view theirs;
  std::string_view ours;
  bool shows_opening = false;  // it helps to see what the line should belong to
};

constexpr std::array kWordings = {
    Wording{"illegal tab when looking for indentation",
            "a tab in the indentation; indent with spaces"},
    Wording{"end of map not found",
            "this line does not belong to the mapping above it; check its indentation", true},
    Wording{"end of sequence not found",
            "this line does not belong to the list above it; check its indentation", true},
    Wording{"end of map flow not found",
            "expected ',' or '}' here; is a brace, comma or quote missing?", true},
    Wording{"end of sequence flow not found",
            "expected ',' or ']' here; is a bracket, comma or quote missing?", true},
    Wording{"illegal flow end", "this closing bracket or brace does not fit what is open here",
            true},
    Wording{"illegal map value", "a ':' that begins no value here; quote a text that holds ': '"},
    Wording{"illegal map key", "a key cannot stand here; check the indentation"},
    Wording{"illegal block entry", "a list item cannot stand here; check the indentation"},
    Wording{"illegal EOF in scalar", "a quoted text that is never closed"},
    Wording{"illegal document indicator in scalar", "a quoted text that is never closed"},
    Wording{"unknown token", "a text cannot begin with this character; put the text in quotes"},
    Wording{"the referenced anchor is not defined", "an alias to an anchor that is not defined"},
};

Wording WordingOf(std::string_view message) {
  const auto found = std::find_if(kWordings.begin(), kWordings.end(), [&](const Wording& wording) {
    return message.starts_with(wording.theirs);
  });
  return found != kWordings.end() ? *found : Wording{message, message};
}

}  // namespace

// Builds the tree from the parser's events. One document; the second one stops it.
class DocumentBuilder final : public YAML::EventHandler {
 public:
  DocumentBuilder(const SourceFile& file, Problems& problems, YamlDocument& document,
                  TextBuffer& buffer)
      : file_(file), problems_(problems), document_(document), buffer_(buffer), columns_(file) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!started_) {
      started_ = true;
      return;
    }
    const auto where = Where(mark);
    const bool marked = file_.Line(where.line).starts_with("---");
    Fail(where, marked ? "a second document; a file holds one, remove the '---'"
                       : "text after the end of the document; check brackets and indentation");
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(NewNode(YamlNode::Kind::kNull, mark, anchor));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const YamlNode* node = anchor < anchors_.size() ? anchors_[anchor] : nullptr;
    if (node == nullptr || std::find(open_.begin(), open_.end(), node) != open_.end()) {
      Fail(Where(mark), "an alias inside of what it stands for; it would never end");
    }
    nodes_ += node->size;
    CheckBounds(mark, static_cast<int>(open_.size()) + node->height);
    Add(node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode* node = NewNode(YamlNode::Kind::kScalar, mark, anchor);
    node->text = value;
    node->plain = tag == "?";
    if (tag != "!") RefuseTag(*node, tag);
    Add(node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }

  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMapping, mark, tag, anchor);
  }

  void OnMapEnd() override {
    CheckKeys(*open_.back());
    Close();
  }

  // Reports what the parser could not go on with.
  void ReportSyntax(const YAML::Exception& error) {
    const auto where = Where(error.mark);
    Wording wording = WordingOf(error.msg);
    const auto line = file_.Line(where.line);
    if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
      wording = kWordings.front();
    }
    const std::string message = "not valid YAML: " + std::string(wording.ours);
    if (wording.shows_opening && !open_.empty()) {
      problems_.Error(where, message, Where(*open_.back()), "what is open began here");
    } else {
      problems_.Error(where, message);
    }
  }

 private:
  SourceLocation Where(const YAML::Mark& mark) {
    const int line = mark.line + 1;
    return {file_.name(), line, columns_.ColumnOf(line, mark.column)};
  }

  SourceLocation Where(const YamlNode& node) const {
    return {file_.name(), node.line, node.column};
  }

  [[noreturn]] void Fail(const SourceLocation& where, std::string message) {
    problems_.Error(where, std::move(message));
    throw Stop{};
  }

  void CheckBounds(const YAML::Mark& mark, int depth) {
    buffer_.MarkEvent();
    if (depth > YamlDocument::kMaxDepth) {
      Fail(Where(mark), "nested deeper than " + std::to_string(YamlDocument::kMaxDepth) +
                            " levels; nothing here needs that");
    }
    if (nodes_ > YamlDocument::kMaxNodes) {
      Fail(Where(mark), "more than " + std::to_string(YamlDocument::kMaxNodes) +
                            " values once the aliases are expanded; use fewer aliases");
    }
  }

  void RefuseTag(const YamlNode& node, const std::string& tag) {
    if (tag.empty() || tag == "?") return;
    problems_.Error(Where(node),
                    "a tag ('" + Escaped(tag) + "'); tags are not used here, remove it");
  }

  YamlNode* NewNode(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    ++nodes_;
    CheckBounds(mark, static_cast<int>(open_.size()) + 1);
    YamlNode& node = document_.nodes_.emplace_back();
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = columns_.ColumnOf(node.line, mark.column);
    if (anchor != YAML::NullAnchor) {
      if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
      anchors_[anchor] = &node;
    }
    return &node;
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    YamlNode* node = NewNode(kind, mark, anchor);
    if (tag != "!") RefuseTag(*node, tag);
    open_.push_back(node);
  }

  void Close() {
    YamlNode* node = open_.back();
    open_.pop_back();
    for (const YamlNode* child : node->children) {
      node->size += child->size;
      node->height = std::max(node->height, child->height + 1);
    }
    Add(node);
  }

  void Add(const YamlNode* node) {
    if (open_.empty()) {
      document_.root_ = node;
    } else {
      open_.back()->children.push_back(node);
    }
  }

  // Keys are texts and each stands once.
  void CheckKeys(const YamlNode& mapping) {
    std::unordered_map<std::string_view, const YamlNode*> seen;
    constexpr std::size_t kFew = 16;  // below it looking through is faster than hashing
    const auto& children = mapping.children;
    for (std::size_t i = 0; i < children.size(); i += 2) {
      const YamlNode& key = *children[i];
      if (key.kind != YamlNode::Kind::kScalar) {
        problems_.Error(Where(key), "a key must be a text; put brackets and braces in quotes");
        continue;
      }
      const YamlNode* first = nullptr;
      if (children.size() <= 2 * kFew) {
        for (std::size_t j = 0; j < i && first == nullptr; j += 2) {
          const YamlNode& other = *children[j];
          if (other.kind == YamlNode::Kind::kScalar && other.text == key.text) first = &other;
        }
      } else if (const auto [at, added] = seen.emplace(key.text, &key); !added) {
        first = at->second;
      }
      if (first != nullptr) {
        problems_.Error(Where(key), "duplicate key '" + Escaped(key.text) + "'; keep one of them",
                        Where(*first), "it stands here already");
      }
    }
  }

  const SourceFile& file_;
  Problems& problems_;
  YamlDocument& document_;
  TextBuffer& buffer_;
  ColumnCounter columns_;
  bool started_ = false;
  std::size_t nodes_ = 0;
  std::vector<YamlNode*> open_;           // the sequences and mappings around the present event
  std::vector<const YamlNode*> anchors_;  // by the parser's number
};

YamlDocument YamlDocument::Parse(const SourceFile& file, Problems& problems,
                                 std::string_view beginning) {
  YamlDocument document(file.name());
  if (file.text().size() > kMaxSourceBytes) {
    problems.Error({file.name(), 0, 0}, "larger than " + std::to_string(kMaxSourceBytes >> 20) +
                                            " MiB, the most that is read");
    return document;
  }
  if (const auto bad = FindBadByte(file.text())) {
    problems.Error(file.LocationOf(bad->offset), bad->message);
    return document;
  }
  TextBuffer buffer(file.text());
  DocumentBuilder builder(file, problems, document, buffer);
  std::istream stream(&buffer);
  bool whole = false;
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    whole = true;
  } catch (const Stop&) {
  } catch (const NothingCame& nothing) {
    problems.Error(file.LocationOf(nothing.since),
                   "more than " + std::to_string(kMaxWithoutValue >> 10) +
                       " KiB from here on without a value: a text, a comment or a pair of brackets "
                       "of that size; write lists and mappings one item a line, without brackets");
  } catch (const YAML::Exception& error) {
    builder.ReportSyntax(error);
  }
  if (!whole) {
    document.root_ = nullptr;
  } else if (document.root_ == nullptr || document.root_->kind == YamlNode::Kind::kNull) {
    document.root_ = nullptr;
    problems.Error({file.name(), 0, 0},
                   "the file holds nothing; it begins with " + std::string(beginning));
  }
  return document;
}

}  // namespace postern::policy
