#include "core/absence.h"

#include "core/enum_names.h"

namespace postern {
namespace {

constexpr EnumNames<Absence::Kind, 2> kKinds = {{
    {Absence::Kind::kSilent, "silent"},
    {Absence::Kind::kChanged, "changed"},
}};

}  // namespace

std::string_view ToString(Absence::Kind kind) { return NameOf(kKinds, kind); }

std::optional<Absence::Kind> ParseAbsenceKind(std::string_view text) {
  return ValueOf(kKinds, text);
}

}  // namespace postern
