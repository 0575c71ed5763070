// The series of one metric, for Prometheus. Not thread-safe.
#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::exporters {

// As a label's value: valid UTF-8 without NUL, either of which would make Prometheus drop the whole
// scrape.
std::string LabelText(std::string_view text);

// One metric: its series by the values of its labels, in the order of its label names.
// prometheus-cpp's own Family can neither replace its series as a whole nor keep them in order.
class Series {
 public:
  using Values = std::vector<std::string_view>;

  Series(prometheus::MetricType type, std::string name, std::string help,
         std::vector<std::string> labels)
      : type_(type), name_(std::move(name)), help_(std::move(help)), labels_(std::move(labels)) {}

  // The series with these label values; a new one is 0.
  double& At(const Values& values);
  void Clear() { series_.clear(); }
  // Drops the series whose first label has another value than one of `names`.
  void Retain(const std::set<std::string>& names);

  prometheus::MetricFamily Collect() const;

 private:
  const prometheus::MetricType type_;
  const std::string name_;
  const std::string help_;
  const std::vector<std::string> labels_;
  std::map<std::vector<std::string>, double> series_;
};

}  // namespace postern::exporters
