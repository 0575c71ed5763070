#include "daemon/api_query.h"

#include <algorithm>
#include <boost/url.hpp>
#include <sstream>

#include "core/parse_number.h"

namespace postern::daemon {

namespace urls = boost::urls;

Result<ApiQuery> ParseApiQuery(std::string_view target) {
  const auto url = urls::parse_origin_form(target);
  if (!url) return Error{"this is not a path with a query"};
  ApiQuery query;
  for (const auto& segment : url->segments()) query.path.emplace_back(segment);
  query.path.erase(query.path.begin(), query.path.begin() + 2);  // api, v1
  for (const auto& parameter : url->params()) {
    if (!query.parameters.emplace(parameter.key, parameter.value).second) {
      return Error{"parameter '" + std::string(parameter.key) +
                   "' stands twice; separate several values by commas"};
    }
  }
  return query;
}

Result<void> CheckParameters(const ApiQuery& query, std::span<const std::string_view> known) {
  for (const auto& [name, value] : query.parameters) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string names;
    for (const auto one : known) names += (names.empty() ? "" : ", ") + std::string(one);
    return Error{"unknown parameter '" + name + "'; " +
                 (names.empty() ? "there is none here" : "there are " + names)};
  }
  return {};
}

Result<std::size_t> LimitOf(const ApiQuery& query, std::size_t otherwise, std::size_t most) {
  const auto limit = query.parameters.find("limit");
  if (limit == query.parameters.end()) return otherwise;
  const auto value = ParseDecimal(limit->second, 1, most);
  if (!value) return Error{"limit is a number from 1 to " + std::to_string(most)};
  return static_cast<std::size_t>(*value);
}

std::vector<std::string> WordsOf(const ApiQuery& query, const std::string& name) {
  std::vector<std::string> words;
  const auto parameter = query.parameters.find(name);
  if (parameter == query.parameters.end()) return words;
  std::istringstream text(parameter->second);
  for (std::string word; std::getline(text, word, ',');) words.push_back(word);
  return words;
}

}  // namespace postern::daemon
