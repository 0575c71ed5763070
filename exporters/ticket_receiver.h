// Ownership tickets: one for a finding's life, or one for all the findings of a host and owner. It
// is created when the finding opens, commented when it changes, closed when it is resolved, opened
// again when it returns. A ticket that a person closed stays closed until the finding has ended.
// Events make none.
//
// Never two tickets for a finding: before the request for one goes out, the intent is kept in
// memory, which the store has by then; and after a request whose answer was lost, or a restart, the
// tickets are listed and searched for the finding's marker, not before kSettle is over, so that the
// tracker shows what it may have made.
//
// Used from one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "core/result.h"
#include "exporters/receiver.h"
#include "exporters/ticket_calls.h"
#include "exporters/ticket_system.h"
#include "exporters/ticket_text.h"

namespace postern::exporters {

// Where an owner's tickets go.
struct TicketRoute {
  std::string repository;
  std::string assignee;   // empty: nobody
  std::string component;  // empty: none
};

enum class TicketPer : std::uint8_t {
  kFinding,
  kHost,  // and owner
};

struct TicketSettings {
  // Whose tickets they are, where several daemons and receivers write to one repository.
  std::string viewpoint = {};
  std::string receiver = {};
  TicketPer per = TicketPer::kFinding;
  TicketStyle style;
  TicketRoute route;                          // of every owner that `owners` leaves out
  std::map<std::string, TicketRoute> owners;  // by the finding's owner
  // A finding that returns later than that gets a ticket of its own.
  Duration reopen_within = std::chrono::hours(24 * 7);
  // Between writes: GitHub asks for a second (REST API, best practices: pause between mutative
  // requests).
  Duration spacing = std::chrono::seconds(1);
};

// So many new tickets an hour; one more tells of all that opens beyond that.
inline constexpr std::size_t kTicketsPerHour = 20;

class TicketReceiver : public Receiver {
 public:
  // `make_system` is called for each delivery: the credential may have changed. `deadline`: of all
  // that it asks.
  using MakeSystem = std::function<Result<std::unique_ptr<TicketSystem>>(SteadyTime deadline)>;

  TicketReceiver(TicketSettings settings, MakeSystem make_system, TicketTime time = RealTime())
      : settings_(std::move(settings)),
        make_system_(std::move(make_system)),
        time_(std::move(time)) {}

  // Ends at the first request that is to be tried again. What the tracker refuses as it is becomes
  // a dead letter and stops no other.
  DeliveryOutcome Deliver(const DeliveryBatch& batch, const std::stop_token& stop) override;

 private:
  const TicketSettings settings_;
  const MakeSystem make_system_;
  const TicketTime time_;
  // Whose intents this process has made and not yet acted on.
  std::set<std::string> intended_;
  SteadyTime next_write_;
};

}  // namespace postern::exporters
