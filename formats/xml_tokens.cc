#include "formats/xml_tokens.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "formats/xml_characters.h"

namespace postern::formats {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

bool EqualsIgnoringCase(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + ('a' - 'A')) : x) == y;
  });
}

constexpr std::string_view kSpaces = " \t\r\n";

// Takes ` name="value"` from the front of `content`; none, and nothing taken, if it is not there.
std::optional<std::string_view> TakePart(std::string_view& content, std::string_view name) {
  auto rest = content;
  const auto skip_spaces = [&rest] {
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpaces), rest.size()));
  };
  skip_spaces();
  if (rest.size() == content.size() || !rest.starts_with(name)) return std::nullopt;
  rest.remove_prefix(name.size());
  skip_spaces();
  if (!rest.starts_with('=')) return std::nullopt;
  rest.remove_prefix(1);
  skip_spaces();
  if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) return std::nullopt;
  const auto end = rest.find(rest[0], 1);
  if (end == std::string_view::npos) return std::nullopt;
  const auto value = rest.substr(1, end - 1);
  content = rest.substr(end + 1);
  const auto is_word = [](char c) { return Is(c, kName) && static_cast<unsigned char>(c) < 0x80; };
  if (!std::all_of(value.begin(), value.end(), is_word)) return std::string_view();
  return value;
}

std::string Shown(char c) {
  if (c >= 0x20 && c < 0x7f) return std::string("'") + c + "'";
  return "byte " + std::to_string(static_cast<unsigned char>(c));
}

}  // namespace

XmlTokens::XmlTokens(ByteSource source) : source_(std::move(source)), buffer_(kChunk + 1) {
  attributes_.reserve(kMostAttributes);
}

std::optional<std::string_view> XmlTokens::Attribute(std::string_view name) const {
  for (const auto& attribute : attributes_) {
    if (attribute.name == name) return attribute.value;
  }
  return std::nullopt;
}

XmlTokens::Event XmlTokens::Next() {
  if (error_) return Event::kError;
  if (closing_) {
    open_names_.resize(open_.back());
    open_.pop_back();
    closing_ = false;
  }
  if (is_empty_element_) {
    is_empty_element_ = false;
    return Close();
  }
  for (;;) {
    switch (ReadNext()) {
      case Step::kStart:
        return Event::kStart;
      case Step::kEnd:
        return Close();
      case Step::kSkipped:
        break;
      case Step::kIncomplete:
        if (!Refill()) return AtEndOfInput();
        break;
      case Step::kWrong:
        return Event::kError;
    }
  }
}

XmlTokens::Event XmlTokens::Close() {
  attributes_.clear();
  closing_ = true;
  return Event::kEnd;
}

XmlTokens::Event XmlTokens::AtEndOfInput() {
  if (error_) return Event::kError;
  const char* end = data_end();
  if (!root_seen_ && cursor_ == end_) {
    Wrong(end, "no XML document is here: no element was found");
  } else if (!open_.empty()) {
    Wrong(end, "the file ends inside <" + open_names_.substr(open_.back()) +
                   ">: it was cut off, or its writer has not finished");
  } else if (cursor_ != end_) {
    Wrong(end, "the file ends inside a tag: it was cut off, or its writer has not finished");
  }
  return error_ ? Event::kError : Event::kEndOfDocument;
}

// Reads on behind the data; what lies before the cursor leaves the buffer. False at the end of the
// input and on an error.
bool XmlTokens::Refill() {
  if (input_ended_ || error_) return false;
  const char* begin = buffer_.data();
  const char* cursor = begin + cursor_;
  while (const auto* line_end = static_cast<const char*>(
             std::memchr(begin, '\n', static_cast<std::size_t>(cursor - begin)))) {
    ++line_;
    column_ = 1;
    begin = line_end + 1;
  }
  column_ += static_cast<std::size_t>(cursor - begin);
  end_ -= cursor_;
  std::memmove(buffer_.data(), cursor, end_);
  cursor_ = 0;
  if (end_ + 1 == buffer_.size() && !Grow()) return false;
  const auto read = source_(std::span(buffer_).subspan(end_, buffer_.size() - 1 - end_));
  if (!read) {
    error_ = read.error();
    return false;
  }
  end_ += *read;
  buffer_[end_] = '\0';
  input_ended_ = *read == 0;
  return !input_ended_;
}

bool XmlTokens::Grow() {
  if (buffer_.size() > kLongestToken) {
    Wrong(buffer_.data(), "a tag of more than " + std::to_string(kLongestToken >> 20) + " MiB");
    return false;
  }
  buffer_.resize((buffer_.size() - 1) * 2 + 1);
  return true;
}

XmlTokens::Step XmlTokens::ReadNext() {
  const char* p = buffer_.data() + cursor_;
  if (*p != '<') return ReadText();
  tag_ = p++;
  if (Is(*p, kNameStart)) return ReadStartTag(p);
  if (*p == '/') return ReadEndTag(p + 1);
  if (*p == '!') return ReadMarkup(p + 1);
  if (*p == '?') return ReadInstruction(p + 1);
  return Unexpected(p, "the name of an element");
}

// Outside the root only spaces may stand; the rest is skipped.
XmlTokens::Step XmlTokens::ReadText() {
  const char* p = buffer_.data() + cursor_;
  if (!anything_seen_ && static_cast<unsigned char>(*p) == 0xef) {  // a byte order mark
    if (end_ - cursor_ < 3) return input_ended_ ? Wrong(p, "this is no XML") : Step::kIncomplete;
    if (std::memcmp(p, "\xef\xbb\xbf", 3) == 0) {
      cursor_ += 3;
      anything_seen_ = true;
      return Step::kSkipped;
    }
  }
  const std::uint8_t allowed = open_.empty() ? kSpace : kSpace | kPlain;
  for (;; ++p) {
    p = Skip(p, allowed);
    if (open_.empty() || (*p != '"' && *p != '\'' && *p != '>' && *p != ']')) break;
    // "]]>" may not stand in text.
    if (*p == ']' && p[1] == '\0' && p + 1 == data_end() && !input_ended_) break;
    if (*p == ']' && p[1] == ']' && p + 2 == data_end() && !input_ended_) break;
    if (*p == ']' && p[1] == ']' && p[2] == '>')
      return Wrong(p, "']]>' outside of a CDATA section");
  }
  const bool moved = p != buffer_.data() + cursor_;
  if (moved) anything_seen_ = true;
  cursor_ = static_cast<std::size_t>(p - buffer_.data());
  if (*p == '&' && !open_.empty()) return ReadReference(p);
  if (*p == '<' || (moved && p == data_end())) return Step::kSkipped;
  if (*p == ']') return Step::kIncomplete;
  return Unexpected(p, open_.empty() ? "'<'" : "text");
}

XmlTokens::Step XmlTokens::ReadReference(const char* at) {
  const char* p = at + 1;
  while (Is(*p, kName) || *p == '#') ++p;
  if (*p != ';') return Unexpected(p, "';' after a reference");
  if (!ReferencedCharacter({at + 1, p})) return NoSuchCharacter(at, p + 1);
  cursor_ = static_cast<std::size_t>(p + 1 - buffer_.data());
  return Step::kSkipped;
}

XmlTokens::Step XmlTokens::ReadStartTag(const char* p) {
  if (open_.empty() && root_seen_) return Wrong(p, "a second document after the end of the first");
  const char* name = p;
  p = Skip(p, kName);
  name_ = {name, p};
  attributes_.clear();
  needs_decoding_ = false;
  for (;;) {
    const char* before = p;
    p = Skip(p, kSpace);
    if (*p == '>') return FinishStartTag(p + 1, false);
    if (*p == '/') {
      if (p[1] == '>') return FinishStartTag(p + 2, true);
      return Unexpected(p + 1, "'>' after '/'");
    }
    if (!Is(*p, kNameStart)) return Unexpected(p, "an attribute or '>'");
    if (p == before) return Unexpected(p, "a space before an attribute");
    if (const auto step = ReadAttribute(p); step != Step::kSkipped) return step;
  }
}

// Leaves `p` behind the closing quote.
XmlTokens::Step XmlTokens::ReadAttribute(const char*& p) {
  const char* name = p;
  p = Skip(p, kName);
  XmlAttribute attribute{{name, p}, {}};
  p = Skip(p, kSpace);
  if (*p != '=') return Unexpected(p, "'=' after an attribute's name");
  p = Skip(p + 1, kSpace);
  const char quote = *p;
  if (quote != '"' && quote != '\'') return Unexpected(p, "a quoted value");
  const char* value = ++p;
  while (*(p = Skip(p, kPlain)) != quote) {
    if (*p == '&' || Is(*p, kSpace)) {
      needs_decoding_ = true;
    } else if (*p != '"' && *p != '\'' && *p != '>' && *p != ']') {
      return Unexpected(p, "the end of a quoted value");
    }
    ++p;
  }
  attribute.value = {value, p++};
  if (Attribute(attribute.name)) {
    return Wrong(name, "a second attribute '" + std::string(attribute.name) + "'");
  }
  if (attributes_.size() == kMostAttributes)
    return Wrong(name, "more attributes than anyone needs");
  attributes_.push_back(attribute);
  return Step::kSkipped;
}

XmlTokens::Step XmlTokens::FinishStartTag(const char* end, bool is_empty) {
  if (open_.size() == kDeepest) {
    return Wrong(tag_, "elements nested more than " + std::to_string(kDeepest) + " deep");
  }
  if (needs_decoding_) {
    const auto decode = [this](XmlAttribute& attribute) { return Decode(attribute); };
    if (!std::all_of(attributes_.begin(), attributes_.end(), decode)) return Step::kWrong;
  }
  open_.push_back(open_names_.size());
  open_names_ += name_;
  root_seen_ = anything_seen_ = true;
  is_empty_element_ = is_empty;
  cursor_ = static_cast<std::size_t>(end - buffer_.data());
  return Step::kStart;
}

bool XmlTokens::Decode(XmlAttribute& attribute) {
  char* const begin = buffer_.data() + (attribute.value.data() - buffer_.data());
  const char* const end = begin + attribute.value.size();
  char* at = begin;
  const char* const decoded_end = DecodeAttribute(at, end);
  if (decoded_end == nullptr) return NoSuchCharacter(at, end) != Step::kWrong;
  attribute.value = {begin, decoded_end};
  return true;
}

XmlTokens::Step XmlTokens::NoSuchCharacter(const char* at, const char* end) {
  constexpr std::ptrdiff_t kEnoughToKnow = 20;
  const char* const semicolon = std::find(at, end, ';');
  const std::string text(at,
                         at + std::min(semicolon - at + (semicolon == end ? 0 : 1), kEnoughToKnow));
  return Wrong(at, "'" + text + "' stands for no character");
}

XmlTokens::Step XmlTokens::ReadEndTag(const char* p) {
  const char* name = p;
  p = Skip(p, kName);
  const std::string_view found{name, p};
  p = Skip(p, kSpace);
  if (*p != '>') return Unexpected(p, "'>' after the name of an element");
  if (open_.empty()) return Wrong(tag_, "</" + std::string(found) + "> closes nothing");
  const auto wanted = std::string_view(open_names_).substr(open_.back());
  if (found != wanted) {
    return Wrong(tag_,
                 "</" + std::string(found) + "> where </" + std::string(wanted) + "> must stand");
  }
  name_ = found;
  cursor_ = static_cast<std::size_t>(p + 1 - buffer_.data());
  return Step::kEnd;
}

XmlTokens::Step XmlTokens::ReadMarkup(const char* p) {
  Step step = Step::kSkipped;
  if (StartsWith(p, "--", step)) return ReadComment(p + 2);
  if (step == Step::kIncomplete) return step;
  if (StartsWith(p, "[CDATA[", step)) return ReadCdata(p + 7);
  if (step == Step::kIncomplete) return step;
  if (StartsWith(p, "DOCTYPE", step)) return ReadDoctype(p + 7);
  if (step == Step::kIncomplete) return step;
  return Unexpected(p, "a comment, a CDATA section or DOCTYPE");
}

// `step` becomes kIncomplete where the data ends too early to tell.
bool XmlTokens::StartsWith(const char* p, std::string_view text, Step& step) const {
  const std::string_view here(
      p, std::min<std::size_t>(static_cast<std::size_t>(data_end() - p), text.size()));
  if (here.size() < text.size() && text.starts_with(here) && !input_ended_)
    step = Step::kIncomplete;
  return here == text;
}

XmlTokens::Step XmlTokens::ReadComment(const char* p) {
  const std::string_view rest(p, data_end());
  const auto dashes = rest.find("--");
  if (dashes == std::string_view::npos || dashes + 2 >= rest.size())
    return Unexpected(data_end(), "'-->'");
  if (rest[dashes + 2] != '>') return Wrong(p + dashes, "'--' inside a comment");
  const char* const end = p + dashes;
  for (; p < end; ++p) {
    if (!IsXmlByte(*p)) return Unexpected(p, "a character");
  }
  anything_seen_ = true;
  cursor_ = static_cast<std::size_t>(end + 3 - buffer_.data());
  return Step::kSkipped;
}

XmlTokens::Step XmlTokens::ReadCdata(const char* p) {
  if (open_.empty()) return Wrong(p, "a CDATA section outside of the document");
  const std::string_view rest(p, data_end());
  const auto length = rest.find("]]>");
  if (length == std::string_view::npos) return Unexpected(data_end(), "']]>'");
  const char* const end = p + length;
  for (; p < end; ++p) {
    if (!IsXmlByte(*p)) return Unexpected(p, "a character");
  }
  cursor_ = static_cast<std::size_t>(end + 3 - buffer_.data());
  return Step::kSkipped;
}

// "<!DOCTYPE nmaprun>", perhaps with SYSTEM or PUBLIC identifiers, which nobody fetches.
XmlTokens::Step XmlTokens::ReadDoctype(const char* p) {
  if (root_seen_ || doctype_seen_) return Wrong(tag_, "DOCTYPE where it may not stand");
  char quote = '\0';
  for (; *p != '>' || quote != '\0'; ++p) {
    if (*p == '[' && quote == '\0') {
      return Wrong(p, "the document declares entities or the like, which nmap never does; refused");
    }
    if (!Is(*p, kPlain | kSpace) && *p != '"' && *p != '\'' && *p != '>' && *p != ']') {
      return Unexpected(p, "'>' after DOCTYPE");
    }
    if (*p == quote) {
      quote = '\0';
    } else if (quote == '\0' && (*p == '"' || *p == '\'')) {
      quote = *p;
    }
  }
  doctype_seen_ = anything_seen_ = true;
  cursor_ = static_cast<std::size_t>(p + 1 - buffer_.data());
  return Step::kSkipped;
}

// <?xml-stylesheet ...?> and the like; nmap writes one.
XmlTokens::Step XmlTokens::ReadInstruction(const char* p) {
  const std::string_view rest(p, data_end());
  const auto length = rest.find("?>");
  if (length == std::string_view::npos) return Unexpected(data_end(), "'?>'");
  const char* const name_end = Skip(p, kName);
  const std::string_view name(p, name_end);
  if (name.empty() || !Is(*p, kNameStart)) return Unexpected(p, "a name after '<?'");
  if (name_end != p + length && !Is(*name_end, kSpace)) return Unexpected(name_end, "a space");
  for (const char* c = name_end; c < p + length; ++c) {
    if (!IsXmlByte(*c)) return Unexpected(c, "a character");
  }
  if (EqualsIgnoringCase(name, "xml")) {
    if (name != "xml" || anything_seen_)
      return Wrong(tag_, "an XML declaration that is not at the start");
    const auto step = ReadDeclaration(rest.substr(3, length - 3), p);
    if (step != Step::kSkipped) return step;
  }
  anything_seen_ = true;
  cursor_ = static_cast<std::size_t>(p + length + 2 - buffer_.data());
  return Step::kSkipped;
}

XmlTokens::Step XmlTokens::ReadDeclaration(std::string_view content, const char* at) {
  const auto version = TakePart(content, "version");
  const auto encoding = TakePart(content, "encoding");
  const auto standalone = TakePart(content, "standalone");
  const bool is_whole = content.find_first_not_of(kSpaces) == std::string_view::npos;
  const bool is_yes_or_no = !standalone || *standalone == "yes" || *standalone == "no";
  if (!version || version->empty() || !is_whole || !is_yes_or_no) {
    return Wrong(at, "a broken XML declaration");
  }
  if (!encoding) return Step::kSkipped;
  for (const auto* known : {"utf-8", "us-ascii"}) {
    if (EqualsIgnoringCase(*encoding, known)) return Step::kSkipped;
  }
  return Wrong(at, "the encoding '" + std::string(encoding->substr(0, 40)) +
                       "' is not read here; convert the file to UTF-8");
}

XmlTokens::Step XmlTokens::Unexpected(const char* p, const std::string& expected) {
  if (p == data_end()) return Step::kIncomplete;
  return Wrong(p, Shown(*p) + " where " + expected + " must stand");
}

XmlTokens::Step XmlTokens::Wrong(const char* at, const std::string& message) {
  error_ = Error{Place(at) + ": " + message};
  return Step::kWrong;
}

Error XmlTokens::ErrorHere(const std::string& message) const {
  return Error{Place(tag_ == nullptr ? buffer_.data() : tag_) + ": " + message};
}

std::string XmlTokens::Place(const char* at) const {
  const char* begin = buffer_.data();
  std::size_t line = line_;
  std::size_t column = column_;
  for (const char* p = begin; p < at; ++p) {
    column = *p == '\n' ? 1 : column + 1;
    if (*p == '\n') ++line;
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace postern::formats
