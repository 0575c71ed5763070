#include "core/finding.h"

#include <utility>

#include "core/digest.h"
#include "core/enum_names.h"

namespace postern {
namespace {

constexpr EnumNames<FindingState, 5> kStates = {{
    {FindingState::kPending, "pending"},
    {FindingState::kOpen, "open"},
    {FindingState::kAcknowledged, "acknowledged"},
    {FindingState::kAccepted, "accepted"},
    {FindingState::kResolved, "resolved"},
}};

constexpr EnumNames<Resolution, 5> kResolutions = {{
    {Resolution::kFixed, "fixed"},
    {Resolution::kPolicy, "policy"},
    {Resolution::kWithdrawn, "withdrawn"},
    {Resolution::kExpired, "expired"},
    {Resolution::kGone, "gone"},
}};

constexpr EnumNames<TransitionKind, 3> kTransitions = {{
    {TransitionKind::kOpened, "opened"},
    {TransitionKind::kChanged, "changed"},
    {TransitionKind::kResolved, "resolved"},
}};

constexpr std::size_t kIdCharacters = 10;

std::string WithEpisode(const std::string& id, int episode) {
  return episode == 1 ? id : id + "-" + std::to_string(episode);
}

}  // namespace

std::string_view ToString(FindingState state) { return NameOf(kStates, state); }

std::optional<FindingState> ParseFindingState(std::string_view text) {
  return ValueOf(kStates, text);
}

std::string_view ToString(Resolution resolution) { return NameOf(kResolutions, resolution); }

std::optional<Resolution> ParseResolution(std::string_view text) {
  return ValueOf(kResolutions, text);
}

std::string FindingId(std::string_view viewpoint, const Drift& drift) {
  // NUL cannot occur in any part, so that no two identities share a text.
  std::string identity(viewpoint);
  const std::string port = std::to_string(drift.port);
  for (const std::string_view part : {std::string_view(drift.subject), ToString(drift.protocol),
                                      std::string_view(port), ToString(drift.kind)}) {
    identity += '\0';
    identity += part;
  }
  return Sha256Base32(identity, kIdCharacters);
}

std::string DisplayId(const Finding& finding) { return WithEpisode(finding.id, finding.episode); }

std::string DisplayId(const Transition& transition) {
  return WithEpisode(transition.finding_id, transition.episode);
}

FindingsById ById(const std::vector<Finding>& findings) {
  FindingsById by_id;
  for (const auto& finding : findings) by_id.emplace(finding.id, &finding);
  return by_id;
}

std::string_view ToString(TransitionKind kind) { return NameOf(kTransitions, kind); }

}  // namespace postern
