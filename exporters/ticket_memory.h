// What the ticket receiver remembers between deliveries: which ticket each finding has, what it may
// have asked for without an answer, and when tickets were made. Kept by the store as texts; one
// that cannot be read counts as absent. A value.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/time.h"

namespace postern::exporters {

struct TicketRecord {
  std::string key;                  // empty: there is no ticket yet
  std::string repository;           // where it was asked for
  int episode = 1;                  // of the finding, that the ticket was last opened for; of a
                                    // group, the number in its marker
  std::optional<TimePoint> intent;  // a create may have been sent since then
  std::optional<TimePoint> ended;   // the end of all it tells of, by which it was closed
  std::string within;  // the finding has no ticket of its own, and this one tells of it
  std::string marker;  // what those of that ticket's group begin with
  std::string said;    // "resolved-2": told there already, though the row waits for the rest of it

  bool operator==(const TicketRecord&) const = default;
};

class TicketMemory {
 public:
  using Texts = std::map<std::string, std::string>;

  explicit TicketMemory(Texts texts);

  // `id`: of a finding without its episode, or of a TicketGroup.
  std::optional<TicketRecord> Recall(const std::string& id) const;
  void Keep(const std::string& id, const TicketRecord& record);
  void Forget(const std::string& id);
  // What ended before `time` does not return to its ticket any more.
  void ForgetEndedBefore(TimePoint time);
  // Whether a finding that is not among `but` is told of by the ticket `key`.
  bool AnyWithin(const std::string& key, const std::set<std::string>& but) const;
  // All that the ticket `key` tells of has ended. Whether that is news; it is not where another
  // ticket has taken its place.
  bool End(const std::string& key, TimePoint now);

  // How many tickets were made within the hour before `now`, or may be made yet for findings
  // besides `id`. The one that sums up does not count.
  std::size_t CreatedWithinHour(TimePoint now, const std::string& id);
  // A ticket was made for `id`.
  void RememberCreation(const std::string& id, TimePoint now);
  // How long until another ticket may sum up: there is one an hour.
  Duration UntilNextSum(TimePoint now);

  const Texts& texts() const { return texts_; }

  // The ticket that tells of what has none of its own.
  static constexpr const char* kSum = "sum";

 private:
  // What is remembered under `list`, of the last hour. Where the clock was set back, a time to come
  // counts as `now` from now on.
  std::vector<TimePoint> TimesWithinHour(const std::string& list, TimePoint now);
  void KeepTimes(const std::string& list, const std::vector<TimePoint>& times);

  Texts texts_;
  std::map<std::string, TicketRecord> records_;  // those of the texts that are one
  std::set<std::string> intended_;               // whose records have an intent
};

}  // namespace postern::exporters
