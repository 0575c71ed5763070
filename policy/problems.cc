#include "policy/problems.h"

#include <algorithm>
#include <utility>

#include "policy/secret_line.h"

namespace postern::policy {

using Level = Diagnostic::Level;

void Problems::Error(const SourceLocation& where, std::string message) {
  if (HasRoom()) diagnostics_.Add(Describe(Level::kError, where, std::move(message)));
}

void Problems::Error(const SourceLocation& where, std::string message, const SourceLocation& other,
                     std::string note) {
  if (!HasRoom()) return;
  Diagnostic error = Describe(Level::kError, where, std::move(message));
  error.notes.push_back(Describe(Level::kNote, other, std::move(note)));
  diagnostics_.Add(std::move(error));
}

void Problems::Warning(const SourceLocation& where, std::string message) {
  if (HasRoom()) diagnostics_.Add(Describe(Level::kWarning, where, std::move(message)));
}

Diagnostics Problems::Take() {
  if (dropped_ > 0) {
    const SourceLocation nowhere{files_.back().name(), 0, 0};
    diagnostics_.Add(Describe(Level::kError, nowhere,
                              std::to_string(dropped_) + " more problems are not shown"));
  }
  return std::move(diagnostics_);
}

Diagnostic Problems::Describe(Level level, const SourceLocation& where, std::string message) const {
  Diagnostic diagnostic;
  diagnostic.level = level;
  diagnostic.where = where;
  diagnostic.message = std::move(message);
  const auto file = std::find_if(files_.begin(), files_.end(), [&](const SourceFile& candidate) {
    return candidate.name() == where.file;
  });
  if (file == files_.end()) return diagnostic;
  const auto line = file->Line(where.line);
  if (MayHoldSecret(line)) return diagnostic;
  Excerpt excerpt = ExcerptAround(line, where.column);
  diagnostic.line = std::move(excerpt.text);
  diagnostic.caret = excerpt.caret;
  return diagnostic;
}

bool Problems::HasRoom() {
  if (diagnostics_.list().size() < kMost) return true;
  ++dropped_;
  return false;
}

}  // namespace postern::policy
