#include "exporters/series.h"

#include "exporters/escape.h"

namespace postern::exporters {

std::string LabelText(std::string_view text) {
  std::string valid = ValidUtf8(text);
  for (std::size_t at = 0; (at = valid.find('\0', at)) != std::string::npos;) {
    valid.replace(at, 1, "\uFFFD");
  }
  return valid;
}

double& Series::At(const Values& values) {
  std::vector<std::string> key;
  for (const std::string_view value : values) key.push_back(LabelText(value));
  return series_[std::move(key)];
}

void Series::Retain(const std::set<std::string>& names) {
  std::erase_if(series_, [&](const auto& one) { return !names.contains(one.first.front()); });
}

prometheus::MetricFamily Series::Collect() const {
  prometheus::MetricFamily family{name_, help_, type_, {}};
  for (const auto& [values, number] : series_) {
    prometheus::ClientMetric metric;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      metric.label.push_back({labels_[i], values[i]});
    }
    metric.counter.value = number;
    metric.gauge.value = number;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace postern::exporters
