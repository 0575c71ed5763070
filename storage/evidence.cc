#include "storage/evidence.h"

#include <array>
#include <charconv>
#include <climits>
#include <map>
#include <optional>
#include <string_view>

#include "core/parse_number.h"
#include "core/port_set.h"
#include "storage/json.h"
#include "storage/plans.h"

namespace postern::storage {
namespace {

using Texts = std::map<std::string, std::string>;

std::string NumberText(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

std::string TimeText(TimePoint time) { return std::to_string(time.time_since_epoch().count()); }

Texts MetadataOf(const Evidence& evidence) {
  const auto& run = evidence.run;
  const auto& exchange = evidence.exchange;
  Texts texts = {
      {"run", std::to_string(run.id)},
      {"scan", run.scan},
      {"stage", std::string(ToString(run.stage))},
      {"viewpoint", run.viewpoint},
      {"policy_hash", run.policy_hash},
      {"program_version", run.program_version},
      {"seed", std::to_string(run.seed)},
      {"run_started", TimeText(run.started)},
      {"run_finished", TimeText(run.finished)},
      {"rate", NumberText(evidence.rates.overall)},
      {"host_rate", NumberText(evidence.rates.host)},
      {"network_rate", NumberText(evidence.rates.network)},
      {"address", exchange.address.ToString()},
      {"protocol", std::string(ToString(exchange.protocol))},
      {"interface", exchange.interface},
      {"started", TimeText(exchange.started)},
      {"finished", TimeText(exchange.finished)},
      {"packets", exchange.packets},
  };
  if (exchange.source) texts["source"] = exchange.source->ToString();
  return texts;
}

// Port range to "STATE REASON".
Texts AnswersOf(const PortStates& states) {
  Texts texts;
  for (const auto& [ports, verdict] : states.ranges()) {
    texts[std::to_string(ports.first) + "-" + std::to_string(ports.last)] =
        std::string(ToString(verdict.state)) + " " + ToString(verdict.reason);
  }
  return texts;
}

// Reads the texts of one row; whatever is absent or wrong is remembered.
class Reader {
 public:
  explicit Reader(Texts texts) : texts_(std::move(texts)) {}

  std::string Text(const char* key) {
    const auto at = texts_.find(key);
    sound_ &= at != texts_.end();
    return at == texts_.end() ? std::string() : at->second;
  }
  template <typename T>
  T Parsed(const char* key, std::optional<T> (*parse)(std::string_view)) {
    auto value = parse(Text(key));
    sound_ &= value.has_value();
    return value ? *std::move(value) : T{};
  }
  std::uint64_t Count(const char* key, std::uint64_t high) {
    const auto value = ParseDecimal(Text(key), 0, high);
    sound_ &= value.has_value();
    return value.value_or(0);
  }
  TimePoint Time(const char* key) {
    return TimePoint(Duration(static_cast<Duration::rep>(Count(key, INT64_MAX))));
  }
  double Real(const char* key) {
    const std::string text = Text(key);
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    sound_ &= read.ec == std::errc() && read.ptr == text.data() + text.size();
    return value;
  }
  bool Has(const char* key) const { return texts_.contains(key); }
  bool sound() const { return sound_; }

 private:
  Texts texts_;
  bool sound_ = true;
};

bool ReadMetadata(Texts texts, Evidence& evidence) {
  Reader read(std::move(texts));
  auto& run = evidence.run;
  run.id = static_cast<std::int64_t>(read.Count("run", INT64_MAX));
  run.scan = read.Text("scan");
  run.stage = read.Parsed("stage", ParseStage);
  run.viewpoint = read.Text("viewpoint");
  run.policy_hash = read.Text("policy_hash");
  run.program_version = read.Text("program_version");
  run.seed = read.Count("seed", UINT64_MAX);
  run.started = read.Time("run_started");
  run.finished = read.Time("run_finished");
  evidence.rates = {read.Real("rate"), read.Real("host_rate"), read.Real("network_rate")};
  auto& exchange = evidence.exchange;
  exchange.address = read.Parsed("address", IpAddress::Parse);
  exchange.protocol = read.Parsed("protocol", ParseProtocol);
  if (read.Has("source")) exchange.source = read.Parsed("source", IpAddress::Parse);
  exchange.interface = read.Text("interface");
  exchange.started = read.Time("started");
  exchange.finished = read.Time("finished");
  exchange.packets = read.Text("packets");
  return read.sound();
}

// Ranges in any order, as JSON keys are sorted as text.
std::optional<PortStates> ReadAnswers(const Texts& texts) {
  PortStates states;
  for (const auto& [range, answer] : texts) {
    const auto dash = range.find('-');
    const auto space = answer.find(' ');
    if (dash == std::string::npos || space == std::string::npos) return std::nullopt;
    const auto first = ParseDecimal(std::string_view(range).substr(0, dash), 1, 65535);
    const auto last = ParseDecimal(std::string_view(range).substr(dash + 1), 1, 65535);
    const auto state = ParsePortState(std::string_view(answer).substr(0, space));
    const auto reason = ParseReason(std::string_view(answer).substr(space + 1));
    if (!first || !last || *first > *last || !state || !reason) return std::nullopt;
    PortStates one;
    one.Append({static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)},
               {*state, *reason});
    states.Overlay(one);
  }
  return states;
}

}  // namespace

Result<void> SaveEvidence(Database& database, const Evidence& evidence) {
  return database.Run(
      "INSERT INTO evidence (finding, episode, made, metadata, answers, pcap) "
      "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (finding, episode) DO NOTHING",
      {evidence.finding_id, evidence.episode, ToValue(evidence.made), ToJson(MetadataOf(evidence)),
       ToJson(AnswersOf(evidence.exchange.answers)),
       std::span<const std::uint8_t>(evidence.exchange.pcap)});
}

Result<std::vector<Evidence>> LoadEvidence(Database& database, const std::string& finding_id) {
  std::vector<Evidence> found;
  auto read = database.Each(
      "SELECT episode, made, metadata, answers, pcap FROM evidence WHERE finding = ? "
      "ORDER BY episode DESC",
      {finding_id}, [&](Row& row) {
        Evidence evidence;
        evidence.finding_id = finding_id;
        evidence.episode = static_cast<int>(row.Integer(1, INT_MAX));
        evidence.made = row.Time();
        if (!ReadMetadata(row.Parsed(ParseTextMap), evidence)) return row.Refuse();
        auto answers = ReadAnswers(row.Parsed(ParseTextMap));
        if (!answers) return row.Refuse();
        evidence.exchange.answers = *std::move(answers);
        const auto pcap = row.Bytes();
        evidence.exchange.pcap.assign(pcap.begin(), pcap.end());
        found.push_back(std::move(evidence));
      });
  if (!read) return read.error();
  return found;
}

}  // namespace postern::storage
