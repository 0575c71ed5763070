// What keeps a web page that somebody opens in a browser from asking this server in their name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::exporters {

// What a request says of whom it is for and where it comes from; empty where a header is not there.
struct RequestHeaders {
  std::string_view host;            // RFC 9110, section 7.2
  std::string_view origin;          // RFC 6454, section 7
  std::string_view sec_fetch_site;  // https://www.w3.org/TR/fetch-metadata/
};

// Whether `host`, with or without a port, is an address, localhost, or one of `names`. A page whose
// own name was made to resolve to this server (DNS rebinding) asks with that name.
bool IsOwnHost(std::string_view host, const std::vector<std::string>& names);

// Whether a browser sent the request for a page of another site. `names`: as of IsOwnHost(), for a
// proxy in front that changes the Host.
bool IsCrossSite(const RequestHeaders& headers, const std::vector<std::string>& names);

}  // namespace postern::exporters
