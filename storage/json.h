// The few values that the store keeps as JSON text. Bytes that are not UTF-8 survive. Private to
// the store; Boost.JSON stays in json.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"

namespace postern::storage {

std::string ToJson(const std::map<std::string, std::string>& texts);
std::string ToJson(const std::map<std::string, std::uint64_t>& counts);
std::string ToJson(const std::vector<std::string>& texts);
std::string ToJson(const std::vector<IpAddress>& addresses);

// None if the text is not the JSON of such a value.
std::optional<std::map<std::string, std::string>> ParseTextMap(std::string_view json);
std::optional<std::map<std::string, std::uint64_t>> ParseCountMap(std::string_view json);
std::optional<std::vector<std::string>> ParseTextList(std::string_view json);
std::optional<std::vector<IpAddress>> ParseAddresses(std::string_view json);

}  // namespace postern::storage
