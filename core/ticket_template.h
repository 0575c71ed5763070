// What the operator wants tickets to say: text in which "${name}" stands for a fact, and "$$" for
// one dollar sign. A value; what is filled in is the caller's.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace postern {

// Of a ticket of one finding, and of one of a host's findings. The first of each is a block of
// lines and stands in bodies only.
inline constexpr std::array<std::string_view, 18> kFindingFacts = {
    "facts",    "summary", "severity",  "kind",       "state",    "id",
    "host",     "owner",   "address",   "protocol",   "port",     "expected",
    "observed", "rule",    "viewpoint", "first_seen", "evidence", "link"};
inline constexpr std::array<std::string_view, 5> kHostFacts = {"findings", "host", "owner",
                                                               "viewpoint", "link"};

class TicketTemplate {
 public:
  // Error: a dollar sign that begins neither, or a name that `names` does not have.
  static Result<TicketTemplate> Parse(std::string_view text,
                                      std::span<const std::string_view> names);

  // `fact` is asked for each placeholder in turn.
  std::string Fill(const std::function<std::string(std::string_view name)>& fact) const;
  bool Has(std::string_view name) const;

  bool operator==(const TicketTemplate&) const = default;

 private:
  struct Piece {
    std::string text;  // as it is, or the name of a fact
    bool is_fact = false;

    bool operator==(const Piece&) const = default;
  };

  std::vector<Piece> pieces_;
};

}  // namespace postern
