// What the store's tests share: a folder of their own, small snapshots, and text to compare by.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.h"
#include "temporary_folder.h"

namespace postern::storage {

inline TimePoint At(std::int64_t seconds) {
  return TimePoint(std::chrono::seconds(1'700'000'000 + seconds));
}

inline IpAddress Address(std::string_view text) { return IpAddress::Parse(text).value(); }

inline constexpr Verdict kOpen{PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
inline constexpr Verdict kClosed{PortState::kClosed, {Reason::Kind::kReset, 0, 0}};
inline constexpr Verdict kFiltered{PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}};
inline constexpr Verdict kRejected{PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}};
inline constexpr Verdict kNotProbed{PortState::kUnknown, {Reason::Kind::kNotProbed, 0, 0}};
inline constexpr Verdict kLocalError{PortState::kUnknown, {Reason::Kind::kLocalError, 0, 0}};

inline PortStates States(std::initializer_list<PortStates::Range> ranges) {
  PortStates states;
  for (const auto& range : ranges) states.Append(range.ports, range.verdict);
  return states;
}

inline RunInfo RunOf(const std::string& scan) {
  RunInfo run;
  run.scan = scan;
  run.stage = Stage::kFull;
  run.viewpoint = "public";
  run.policy_hash = std::string(64, 'a');
  run.program_version = "0.1.0";
  run.seed = 0xfedcba9876543210;
  run.started = At(0);
  run.finished = At(60);
  return run;
}

inline Snapshot TcpSnapshot(const std::string& scan, const IpAddress& address,
                            const PortStates& tcp) {
  Snapshot snapshot;
  snapshot.run = RunOf(scan);
  snapshot.coverage.complete = true;
  snapshot.addresses.push_back({address, {tcp, PortStates()}});
  return snapshot;
}

inline std::string Text(const PortStates& states) {
  std::string text;
  for (const auto& [ports, verdict] : states.ranges()) {
    text += " " + std::to_string(ports.first) + "-" + std::to_string(ports.last) + "=" +
            std::string(ToString(verdict.state)) + "/" + ToString(verdict.reason);
  }
  return text;
}

inline std::string Text(const AddressStates& states) {
  return states.address.ToString() + " tcp" + Text(states.of(Protocol::kTcp)) + " udp" +
         Text(states.of(Protocol::kUdp)) + "\n";
}

// Everything that a snapshot holds.
inline std::string Text(const Snapshot& snapshot) {
  const auto& run = snapshot.run;
  const auto& coverage = snapshot.coverage;
  std::string text = "run " + std::to_string(run.id) + " " + run.scan + " " +
                     std::string(ToString(run.stage)) + " " + run.viewpoint + " " +
                     run.policy_hash + " " + run.program_version + " " + std::to_string(run.seed) +
                     " " + FormatTime(run.started) + " " + FormatTime(run.finished) +
                     " continues " + std::to_string(run.continues) + "\ncoverage";
  for (const auto count : {coverage.asked, coverage.unknown, coverage.probes_sent, coverage.replies,
                           coverage.retransmits, coverage.capture_drops, coverage.udp_probes_sent,
                           coverage.udp_replies}) {
    text += " " + std::to_string(count);
  }
  for (const auto& [error, count] : coverage.send_errors) {
    text += " " + error + "=" + std::to_string(count);
  }
  text += " loss " + std::to_string(coverage.estimated_loss) + " missed " +
          std::to_string(coverage.miss_probability) + " complete " +
          std::to_string(coverage.complete) + " blind " + std::to_string(coverage.blind[0]) +
          std::to_string(coverage.blind[1]) + " unresolved";
  for (const auto& name : coverage.unresolved) text += " " + name;
  for (const auto& [bound, time] : coverage.held_back) {
    text += " " + std::string(ToString(bound)) + "=" + std::to_string(time.count());
  }
  for (const auto& address : coverage.slow_hosts) text += " slow " + address.ToString();
  text += "\n";
  for (const auto& states : snapshot.addresses) text += Text(states);
  return text;
}

inline std::string Text(const std::vector<AddressStates>& known) {
  std::string text;
  for (const auto& states : known) text += Text(states);
  return text;
}

// The value, or a failure that shows the error.
template <typename T>
T Get(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  return *std::move(result);
}

inline std::string Message(const Result<void>& result) {
  return result ? "ok" : result.error().message;
}

template <typename T>
std::string Message(const Result<T>& result) {
  return result ? "ok" : result.error().message;
}

class StoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> Write() const { return Get(Store::Open(path_, Access::kWrite)); }
  std::unique_ptr<Store> Read() const { return Get(Store::Open(path_, Access::kRead)); }

  // Begins and commits; `snapshot` gets its number.
  static void Commit(Store& store, Snapshot& snapshot) {
    snapshot.run.id = Get(store.BeginRun(snapshot.run));
    ASSERT_EQ(Message(store.Commit({.snapshot = &snapshot})), "ok");
  }

  // Runs SQL by a connection of the test's own; rows as "a|b".
  std::vector<std::string> Sql(const std::string& sql) const {
    sqlite3* connection = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &connection), SQLITE_OK);
    std::vector<std::string> rows;
    char* error = nullptr;
    sqlite3_exec(connection, sql.c_str(), &AddRow, &rows, &error);
    EXPECT_EQ(error, nullptr) << error;
    sqlite3_close(connection);
    return rows;
  }

  // What `ask` says in a process of its own.
  static std::string InChild(const std::function<std::string()>& ask) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
      const std::string answer = ask();
      _exit(write(ends[1], answer.data(), answer.size()) == std::ssize(answer) ? 0 : 1);
    }
    close(ends[1]);
    std::string answer(4096, '\0');
    const auto got = read(ends[0], answer.data(), answer.size());
    answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    close(ends[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return answer;
  }

  const TemporaryFolder own_;
  const std::string folder_ = own_.path();
  std::string path_ = folder_ + "/postern.db";

 private:
  static int AddRow(void* rows, int columns, char** values, char**) {
    std::string row;
    for (int i = 0; i < columns; ++i) {
      row += (i == 0 ? "" : "|") + std::string(values[i] == nullptr ? "NULL" : values[i]);
    }
    static_cast<std::vector<std::string>*>(rows)->push_back(row);
    return 0;
  }
};

}  // namespace postern::storage
