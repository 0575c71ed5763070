// The tags of an XML document of any size, read as a stream: each start tag with its attributes,
// each end tag, in order. For documents that machines write: text between tags is checked and
// skipped, and a document type declaration with content (entities, defaults) is refused, so nothing
// ever expands. Well-formedness is checked as in XML 1.0 but for what bytes above 0x7f may stand
// where, and a reference to a character that XML forbids is read as U+FFFD; a document that
// declares another encoding than UTF-8 or ASCII is refused.
//
// This exists because a general parser costs more than the rest of a comparison together: a file of
// 150 MB takes expat 2.4 s of processor time, and this less than 0.4 s (docs/benchmarks.md). A test
// and a fuzz target hold it against expat.
//
// Not thread-safe. Memory: one buffer, at most the longest token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "formats/byte_source.h"

namespace postern::formats {

struct XmlAttribute {
  std::string_view name;
  std::string_view value;  // references are resolved
};

class XmlTokens {
 public:
  enum class Event : std::uint8_t { kStart, kEnd, kEndOfDocument, kError };

  // A tag, comment or instruction of more bytes is refused. nmap puts a script's whole output into
  // one attribute.
  static constexpr std::size_t kLongestToken = std::size_t{4} << 20;
  static constexpr std::size_t kDeepest = 64;          // nested elements; nmap's tables reach ten
  static constexpr std::size_t kMostAttributes = 256;  // of one element

  explicit XmlTokens(ByteSource source);

  // Every element gives kStart and kEnd, an empty one too. After kError or kEndOfDocument it is the
  // same again.
  Event Next();

  // Of the last kStart or kEnd; views are valid until Next() is called again.
  std::string_view name() const { return name_; }
  std::span<const XmlAttribute> attributes() const { return attributes_; }
  // None if the element of the last kStart has no such attribute.
  std::optional<std::string_view> Attribute(std::string_view name) const;

  // Precondition: Next() returned kError. The place comes first: "line 3, column 14: ...".
  const Error& error() const { return *error_; }
  // An error of the same form about the tag of the last event.
  Error ErrorHere(const std::string& message) const;

 private:
  enum class Step : std::uint8_t { kStart, kEnd, kSkipped, kIncomplete, kWrong };

  Step ReadNext();
  Step ReadText();
  Step ReadReference(const char* at);
  Step ReadStartTag(const char* p);
  Step ReadAttribute(const char*& p);
  Step ReadEndTag(const char* p);
  Step ReadMarkup(const char* p);
  Step ReadComment(const char* p);
  Step ReadCdata(const char* p);
  Step ReadDoctype(const char* p);
  Step ReadInstruction(const char* p);
  Step ReadDeclaration(std::string_view content, const char* at);
  Step FinishStartTag(const char* end, bool is_empty);
  bool Decode(XmlAttribute& attribute);
  Step NoSuchCharacter(const char* at, const char* end);

  Event Close();
  Event AtEndOfInput();
  bool Refill();
  bool Grow();
  bool StartsWith(const char* p, std::string_view text, Step& step) const;
  Step Wrong(const char* at, const std::string& message);
  // Where `p` stands: at the end of what was read, or at a byte that does not belong there.
  Step Unexpected(const char* p, const std::string& expected);
  std::string Place(const char* at) const;
  const char* data_end() const { return buffer_.data() + end_; }

  ByteSource source_;
  std::vector<char> buffer_;  // [0, end_) is data, followed by a NUL
  std::size_t cursor_ = 0;    // what is not yet read starts here
  std::size_t end_ = 0;
  bool input_ended_ = false;
  std::size_t line_ = 1;    // of buffer_[0]
  std::size_t column_ = 1;  // of buffer_[0]

  std::string_view name_;
  std::vector<XmlAttribute> attributes_;
  bool needs_decoding_ = false;    // some attribute has a reference, a tab or a line end
  const char* tag_ = nullptr;      // the start of the last event's tag
  bool is_empty_element_ = false;  // its kEnd is still to come
  std::string open_names_;         // the names of the open elements end to end
  std::vector<std::size_t> open_;  // where each begins in it
  bool closing_ = false;           // the last event was kEnd; its name leaves on the next call
  bool root_seen_ = false;
  bool anything_seen_ = false;
  bool doctype_seen_ = false;
  std::optional<Error> error_;
};

}  // namespace postern::formats
