// A tracker of tickets, as far as Postern needs one. Each call is one request (List: one for each
// page) and blocks for at most the time limit of each. Used from one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/time.h"

namespace postern::exporters {

// Every ticket that Postern makes has it, so that they can be listed, where there are labels.
inline constexpr std::string_view kTicketLabel = "postern";

using SteadyTime = std::chrono::steady_clock::time_point;

struct Ticket {
  std::string key;  // "example/exposure#17", repository and number; at Jira "EXP-17"
  bool open = true;
  std::string text;  // as written; List and Get fill it in

  bool operator==(const Ticket&) const = default;
};

struct NewTicket {
  std::string repository;  // a project at Redmine and Jira
  std::string title;
  std::string body;       // in the tracker's markup
  std::string assignee;   // as the tracker names people; empty: nobody
  std::string component;  // at Redmine a category, by name; empty: none
};

// Why a request brought nothing.
struct TicketFailure {
  enum class Kind : std::uint8_t {
    kRetry,     // later: nothing was done, and nothing else would be: no connection, 401, 429
    kUnknown,   // later, but the request may have been carried out: timeout, 5xx
    kUnusable,  // later: this repository or ticket is not to be had, as when it is archived
    kRefused,   // never, as it is
    kNotFound,  // the ticket is gone, or not ours to see any more
    kGone,      // there is no such ticket any more
  };

  Kind kind = Kind::kRetry;
  std::string reason;  // one of DeliveryOutcome's
  std::string detail;  // for the log; holds nothing secret
  Duration retry_after{};
};

template <typename T>
using TicketResult = std::variant<T, TicketFailure>;

struct Done {};

class TicketSystem {
 public:
  virtual ~TicketSystem() = default;
  // The newest 1,000 of Postern's tickets, closed ones too. Never by a search index, which lags
  // behind, but at Jira, which has nothing else.
  virtual TicketResult<std::vector<Ticket>> List(const std::string& repository) = 0;
  virtual TicketResult<Ticket> Get(const std::string& key) = 0;
  virtual TicketResult<Ticket> Create(const NewTicket& ticket) = 0;
  virtual TicketResult<Done> Comment(const std::string& key, const std::string& text) = 0;
  virtual TicketResult<Done> SetOpen(const std::string& key, bool open) = 0;
};

}  // namespace postern::exporters
