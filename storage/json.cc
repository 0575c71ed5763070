#include "storage/json.h"

#include <boost/json.hpp>

namespace postern::storage {
namespace {

template <typename T>
std::optional<T> Parse(std::string_view text) {
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;
  boost::json::error_code error;
  const auto json = boost::json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  auto value = boost::json::try_value_to<T>(json);
  if (!value) return std::nullopt;
  return *std::move(value);
}

template <typename T>
std::string Serialized(const T& value) {
  return boost::json::serialize(boost::json::value_from(value));
}

}  // namespace

std::string ToJson(const std::map<std::string, std::string>& texts) { return Serialized(texts); }

std::string ToJson(const std::map<std::string, std::uint64_t>& counts) {
  return Serialized(counts);
}

std::string ToJson(const std::vector<std::string>& texts) { return Serialized(texts); }

std::optional<std::map<std::string, std::string>> ParseTextMap(std::string_view json) {
  return Parse<std::map<std::string, std::string>>(json);
}

std::optional<std::map<std::string, std::uint64_t>> ParseCountMap(std::string_view json) {
  return Parse<std::map<std::string, std::uint64_t>>(json);
}

std::optional<std::vector<std::string>> ParseTextList(std::string_view json) {
  return Parse<std::vector<std::string>>(json);
}

std::string ToJson(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> texts;
  texts.reserve(addresses.size());
  for (const auto& address : addresses) texts.push_back(address.ToString());
  return ToJson(texts);
}

std::optional<std::vector<IpAddress>> ParseAddresses(std::string_view json) {
  const auto texts = ParseTextList(json);
  if (!texts) return std::nullopt;
  std::vector<IpAddress> addresses;
  addresses.reserve(texts->size());
  for (const auto& text : *texts) {
    const auto address = IpAddress::Parse(text);
    if (!address) return std::nullopt;
    addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace postern::storage
