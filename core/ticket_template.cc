#include "core/ticket_template.h"

#include <algorithm>

#include "core/suggest.h"

namespace postern {
namespace {

std::string Advice(std::string_view name, std::span<const std::string_view> names) {
  if (const auto nearest = NearestName(name, names)) return "did you mean '" + *nearest + "'?";
  std::string advice = "write one of ";
  for (const auto each : names) {
    if (each != names.front()) advice += ", ";
    advice += each;
  }
  return advice;
}

}  // namespace

Result<TicketTemplate> TicketTemplate::Parse(std::string_view text,
                                             std::span<const std::string_view> names) {
  TicketTemplate parsed;
  while (true) {
    const auto dollar = text.find('$');
    parsed.pieces_.push_back({.text = std::string(text.substr(0, dollar))});
    if (dollar == std::string_view::npos) return parsed;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      parsed.pieces_.push_back({.text = "$"});
      text.remove_prefix(1);
      continue;
    }
    const auto end = text.find('}');
    if (!text.starts_with('{') || end == std::string_view::npos) {
      return Error{"a dollar sign that begins no ${NAME}; write $$ for one that stands for itself"};
    }
    const auto name = text.substr(1, end - 1);
    if (std::ranges::find(names, name) == names.end()) {
      return Error{"nothing is called '" + std::string(name) + "' here; " + Advice(name, names)};
    }
    parsed.pieces_.push_back({.text = std::string(name), .is_fact = true});
    text.remove_prefix(end + 1);
  }
}

std::string TicketTemplate::Fill(
    const std::function<std::string(std::string_view name)>& fact) const {
  std::string text;
  for (const auto& piece : pieces_) text += piece.is_fact ? fact(piece.text) : piece.text;
  return text;
}

bool TicketTemplate::Has(std::string_view name) const {
  return std::ranges::any_of(
      pieces_, [&](const Piece& piece) { return piece.is_fact && piece.text == name; });
}

}  // namespace postern
