#include "daemon/held_news.h"

#include <algorithm>
#include <map>
#include <utility>

namespace postern::daemon {
namespace {

using storage::HeldChanges;
using storage::OutboxRow;

bool IsHeld(const OutboxRow& row) { return !row.held.empty() && !row.released; }

// The newest row of the kind at or behind `first`; null if there is none.
const OutboxRow* Newest(std::span<const OutboxRow> rows, TransitionKind kind) {
  const OutboxRow* newest = nullptr;
  for (const auto& row : rows) {
    if (row.transition.kind == kind) newest = &row;
  }
  return newest;
}

// The row that tells a receiver that does not know of the finding; null if there is nothing to
// tell.
const OutboxRow* NewsOfUnknown(std::span<const OutboxRow> rows, FindingState state) {
  const bool ended = rows.back().transition.kind == TransitionKind::kResolved;
  // What a person or the policy took on meanwhile needs nobody's attention.
  if (ended || state != FindingState::kOpen) return nullptr;
  const auto* opened = Newest(rows, TransitionKind::kOpened);
  return opened == nullptr ? &rows.back() : opened;
}

// The row that tells a receiver that knows the finding as being there.
const OutboxRow* NewsOfKnown(std::span<const OutboxRow> rows) {
  if (rows.back().transition.kind == TransitionKind::kResolved) return &rows.back();
  const auto* resolved = Newest(rows, TransitionKind::kResolved);
  if (resolved == nullptr) {
    // It was acknowledged or accepted before, and is not any more; or it changed.
    const auto* opened = Newest(rows, TransitionKind::kOpened);
    return opened == nullptr ? &rows.back() : opened;
  }
  const auto since = static_cast<std::size_t>(resolved - rows.data());
  return Newest(rows.subspan(since), TransitionKind::kChanged);
}

// By finding, oldest first.
std::map<std::string, std::vector<OutboxRow>> ByFinding(std::vector<OutboxRow> rows) {
  std::map<std::string, std::vector<OutboxRow>> by_finding;
  for (auto& row : rows) {
    auto& of_finding = by_finding[row.transition.finding_id];
    of_finding.push_back(std::move(row));
  }
  return by_finding;
}

void Append(HeldChanges more, HeldChanges& changes) {
  const auto append = [](auto from, auto& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(std::move(more.released), changes.released);
  append(std::move(more.settled), changes.settled);
  append(std::move(more.cancelled), changes.cancelled);
}

}  // namespace

HeldChanges ReleaseNews(std::span<const OutboxRow> rows, FindingState state, bool known_open) {
  const auto* told = known_open ? NewsOfKnown(rows) : NewsOfUnknown(rows, state);
  HeldChanges changes;
  for (const auto& row : rows) {
    if (&row == told) {
      changes.released.push_back(row.id);
    } else if (known_open || told != nullptr) {
      // The row that is told stands for it.
      changes.settled.push_back(row.id);
    } else {
      changes.cancelled.push_back(row.id);
    }
  }
  return changes;
}

Result<void> FollowWindows(storage::Store& store, const std::string& receiver,
                           const std::vector<Finding>& findings,
                           const std::vector<ActiveWindow>& windows, TimePoint now) {
  const auto any_held = store.HasHeldNews(receiver);
  if (!any_held) return any_held.error();
  if (windows.empty() && !*any_held) return {};

  auto waiting = store.Outbox(receiver, TimePoint::max());  // what was delivered left out
  if (!waiting) return waiting.error();
  const auto by_id = ById(findings);
  HeldChanges changes;
  for (const auto& [id, rows] : ByFinding(*std::move(waiting))) {
    const auto finding = by_id.find(id);
    if (finding == by_id.end()) continue;
    if (const auto* window = FindWindow(windows, finding->second->drift)) {
      for (const auto& row : rows) {
        if (!IsHeld(row)) changes.held.emplace_back(row.id, window->words);
      }
    } else if (std::ranges::any_of(rows, IsHeld)) {
      const auto known = store.KnowsAsOpen(receiver, id);
      if (!known) return known.error();
      Append(ReleaseNews(rows, finding->second->state, *known), changes);
    }
  }
  return changes.empty() ? Result<void>() : store.ChangeHeldNews(receiver, changes, now);
}

}  // namespace postern::daemon
