#include "exporters/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "exporters/series.h"

namespace postern::exporters {
namespace {

// Positions in /proc/PID/stat after the command's closing parenthesis, which is where a name with
// spaces or parentheses cannot disturb the count: field 3 of proc(5) is at 0.
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;
constexpr std::size_t kStartTicks = 19;
constexpr std::size_t kVirtualBytes = 20;
constexpr std::size_t kResidentPages = 21;

std::optional<std::string> ReadFile(const char* path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::uint64_t> NumbersAfterCommand(const std::string& stat) {
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::vector<std::uint64_t> numbers;
  for (std::string field; fields >> field;) {
    std::uint64_t number = 0;
    std::from_chars(field.data(), field.data() + field.size(), number);
    numbers.push_back(number);
  }
  return numbers;
}

// When the machine started, in seconds since 1970: the "btime" line of /proc/stat.
std::optional<std::uint64_t> BootTime(const std::string& stat) {
  constexpr std::string_view kKey = "\nbtime ";
  const std::size_t at = stat.find(kKey);
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t seconds = 0;
  std::from_chars(stat.data() + at + kKey.size(), stat.data() + stat.size(), seconds);
  return seconds;
}

std::optional<std::uint64_t> OpenDescriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  const auto count = std::distance(begin(entries), end(entries));
  return static_cast<std::uint64_t>(count) - 1;  // the iterator's own
}

prometheus::MetricFamily Single(prometheus::MetricType type, std::string name, std::string help,
                                double value) {
  Series series(type, std::move(name), std::move(help), {});
  series.At({}) = value;
  return series.Collect();
}

}  // namespace

Result<ProcessUsage> ReadProcessUsage() {
  const auto own = ReadFile("/proc/self/stat");
  const auto machine = ReadFile("/proc/stat");
  const auto descriptors = OpenDescriptors();
  if (!own || !machine || !descriptors) {
    return Error{"cannot read /proc/self/stat, /proc/stat and /proc/self/fd"};
  }
  const std::vector<std::uint64_t> fields = NumbersAfterCommand(*own);
  const auto boot = BootTime(*machine);
  rlimit limit{};
  if (fields.size() <= kResidentPages || !boot || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return Error{"/proc/self/stat or /proc/stat is not as proc(5) describes it"};
  }
  const auto ticks_a_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return ProcessUsage{
      .cpu_seconds =
          static_cast<double>(fields[kUserTicks] + fields[kSystemTicks]) / ticks_a_second,
      .resident_bytes = fields[kResidentPages] * page,
      .virtual_bytes = fields[kVirtualBytes],
      .open_descriptors = *descriptors,
      .descriptor_limit = limit.rlim_cur,
      .start_time =
          static_cast<double>(*boot) + static_cast<double>(fields[kStartTicks]) / ticks_a_second};
}

std::vector<prometheus::MetricFamily> CollectProcess() {
  const Result<ProcessUsage> usage = ReadProcessUsage();
  if (!usage) return {};  // out of descriptors: everything else is still worth a scrape
  using prometheus::MetricType;
  return {
      Single(MetricType::Counter, "process_cpu_seconds_total",
             "Total user and system CPU time spent in seconds.", usage->cpu_seconds),
      Single(MetricType::Gauge, "process_max_fds", "Maximum number of open file descriptors.",
             static_cast<double>(usage->descriptor_limit)),
      Single(MetricType::Gauge, "process_open_fds", "Number of open file descriptors.",
             static_cast<double>(usage->open_descriptors)),
      Single(MetricType::Gauge, "process_resident_memory_bytes", "Resident memory size in bytes.",
             static_cast<double>(usage->resident_bytes)),
      Single(MetricType::Gauge, "process_start_time_seconds",
             "Start time of the process since unix epoch in seconds.", usage->start_time),
      Single(MetricType::Gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
             static_cast<double>(usage->virtual_bytes)),
  };
}

}  // namespace postern::exporters
