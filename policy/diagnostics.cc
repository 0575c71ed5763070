#include "policy/diagnostics.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace postern::policy {
namespace {

using Level = Diagnostic::Level;

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kError:
      return "error";
    case Level::kWarning:
      return "warning";
    case Level::kNote:
      return "note";
  }
  return "";
}

void RenderOne(const Diagnostic& diagnostic, std::string& text) {
  text += ToString(diagnostic.where) + ": " + std::string(LevelName(diagnostic.level)) + ": " +
          diagnostic.message + "\n";
  if (!diagnostic.line.empty()) {
    text += "    " + diagnostic.line + "\n    ";
    text.append(static_cast<std::size_t>(diagnostic.caret) - 1, ' ');
    text += "^\n";
  }
  for (const auto& note : diagnostic.notes) RenderOne(note, text);
}

auto Place(const Diagnostic& diagnostic) {
  const auto& where = diagnostic.where;
  return std::tie(where.file, where.line, where.column);
}

}  // namespace

void Diagnostics::Add(const Diagnostics& others) {
  list_.insert(list_.end(), others.list_.begin(), others.list_.end());
}

bool Diagnostics::HasErrors() const { return Count(Level::kError) > 0; }

std::size_t Diagnostics::Count(Level level) const {
  return static_cast<std::size_t>(
      std::count_if(list_.begin(), list_.end(),
                    [&](const Diagnostic& diagnostic) { return diagnostic.level == level; }));
}

std::string Diagnostics::Render() const {
  std::vector<const Diagnostic*> sorted;
  sorted.reserve(list_.size());
  for (const auto& diagnostic : list_) sorted.push_back(&diagnostic);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Diagnostic* a, const Diagnostic* b) { return Place(*a) < Place(*b); });
  const auto same = [](const Diagnostic* a, const Diagnostic* b) {
    return Place(*a) == Place(*b) && a->message == b->message;
  };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same), sorted.end());

  std::string text;
  for (const auto* diagnostic : sorted) RenderOne(*diagnostic, text);
  return text;
}

}  // namespace postern::policy
