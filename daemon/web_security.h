// How the HTTP server is guarded: from what the web configuration says to what the server takes,
// and a watch over the files, so that a renewed certificate needs no reload.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/file_stamp.h"
#include "core/result.h"
#include "exporters/http_server.h"
#include "policy/config.h"

namespace postern::daemon {

// Looks at the files of a web configuration, and has what is made of them. Used from one thread at
// a time.
class WebWatch {
 public:
  // `web` as it was loaded. Reads certificate and key; an error says what is wrong with which of
  // them. `names`: as of HttpSecurity.
  static Result<WebWatch> Begin(policy::WebOptions web, std::vector<std::string> names = {});

  // What the server is to be guarded by.
  const exporters::HttpSecurity& security() const { return security_; }
  // Goes on with the TLS of `before` where nothing of it changed: its connections may stay.
  void KeepTlsOf(const WebWatch& before);

  // Reads the files anew if one of them is another than before, and logs what is wrong with them.
  // None: nothing changed. An error: what is there now cannot be used, and security() stays as it
  // was; once it changes again it is read again.
  std::optional<Result<void>> Look();

 private:
  // What a TLS context is made of.
  struct TlsSource {
    std::optional<policy::WebTls> settings;
    std::array<FileStamp, 3> files;  // certificate, key and client authority

    bool operator==(const TlsSource&) const = default;
  };

  WebWatch(policy::WebOptions web, std::vector<std::string> names)
      : names_(std::move(names)), web_(std::move(web)) {}
  TlsSource SourceNow() const;
  Result<void> MakeSecurity();

  std::vector<std::string> names_;
  policy::WebOptions web_;  // as last read
  TlsSource seen_;          // before that
  TlsSource in_force_;      // of security_
  exporters::HttpSecurity security_;
};

}  // namespace postern::daemon
