// An address that cannot be verified: it gives no sign of life, or it changed as a whole. It may be
// off, behind a firewall now, or refuse this scanner; its ports prove nothing meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "core/ip_address.h"
#include "core/time.h"

namespace postern {

struct Absence {
  enum class Kind : std::uint8_t {
    kSilent,   // nothing that it was asked was answered, a sign of life included
    kChanged,  // it lost all its open endpoints at once, or all endpoints turned to one verdict
  };

  Kind kind = Kind::kSilent;
  TimePoint since = {};  // start of the first run that met it so
  TimePoint last = {};   // start of the newest run that met it so
  // Whether any of these runs had proof of the path to it, by another address of the same first hop
  // or by the address's own refusals.
  bool vouched = false;
  // How long trusted runs with such proof have met it so; gaps between runs count up to a bound.
  Duration watched{};
  bool gone = false;  // `watched` has reached confirm.gone_after

  bool operator==(const Absence&) const = default;
};

using Absences = std::map<IpAddress, Absence>;

// "silent", "changed".
std::string_view ToString(Absence::Kind kind);
std::optional<Absence::Kind> ParseAbsenceKind(std::string_view text);

}  // namespace postern
