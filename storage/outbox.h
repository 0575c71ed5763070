// The outbox: what each receiver is still to be told, what it took, and what it remembers. Private
// to the store; the writing functions need a transaction around them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/finding.h"
#include "core/result.h"
#include "storage/database.h"
#include "storage/store.h"

namespace postern::storage {

// Queues once: a transition that the receiver's outbox already has is left as it is.
Result<void> Enqueue(Database& database, const std::string& receiver, const Transition& transition,
                     TimePoint now);
// See Store::Outbox.
Result<std::vector<OutboxRow>> LoadOutbox(Database& database, const std::string& receiver,
                                          TimePoint delivered_since);
// See Store::HasNewsOf.
Result<bool> HasRowOf(Database& database, const std::string& receiver,
                      const std::string& finding_id, int episode);
// See Store::CountOutbox.
Result<OutboxCount> CountRows(Database& database, const std::string& receiver);
// The first delivery of a row counts. An error if it is not a row of this receiver.
Result<void> MarkDelivered(Database& database, const std::string& receiver, std::int64_t row,
                           TimePoint at);
// Makes it a dead letter. An error if it is not a row of this receiver.
Result<void> MarkRefused(Database& database, const std::string& receiver, std::int64_t row,
                         TimePoint at, const std::string& why);
// See Store::DeadLetters and Store::Redeliver.
Result<std::vector<OutboxRow>> LoadDeadLetters(Database& database);
Result<std::int64_t> QueueAgain(Database& database, const std::string& receiver);

Result<std::map<std::string, std::string>> LoadMemory(Database& database,
                                                      const std::string& receiver);
Result<void> ReplaceMemory(Database& database, const std::string& receiver,
                           const std::map<std::string, std::string>& memory);

}  // namespace postern::storage
