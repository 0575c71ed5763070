#include "exporters/smtp_client.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/digest.h"
#include "core/enum_names.h"
#include "core/parse_number.h"
#include "exporters/escape.h"
#include "exporters/hidden_secrets.h"

namespace postern::exporters {
namespace {

using Kind = SmtpFailure::Kind;

constexpr EnumNames<Kind, 8> kKinds = {{
    {Kind::kTimeout, "timeout"},
    {Kind::kConnect, "connect"},
    {Kind::kTls, "tls"},
    {Kind::kProtocol, "protocol"},
    {Kind::kTransient, "smtp_4xx"},
    {Kind::kLogin, "smtp_5xx"},
    {Kind::kRecipient, "smtp_5xx"},
    {Kind::kMessage, "smtp_5xx"},
}};

constexpr std::size_t kShownOfReply = 300;

// What was said last, so that a failure can be told.
struct Conversation {
  std::string command;  // of MAIL, RCPT and DATA the whole line, of every other nothing
  std::string reply;
  bool over = false;  // what follows is about the end of the connection
  std::string_view unsent;
};

std::string_view WithoutLineEnd(std::string_view line) {
  const auto end = line.find_last_not_of("\r\n");
  return line.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

int Listen(CURL* /*handle*/, curl_infotype type, char* data, std::size_t size, void* to) {
  auto& conversation = *static_cast<Conversation*>(to);
  const std::string_view line = WithoutLineEnd({data, size});
  conversation.over |= type == CURLINFO_HEADER_OUT && line == "QUIT";
  if (conversation.over) return 0;
  if (type == CURLINFO_HEADER_OUT) {
    const auto verb = line.substr(0, 4);
    const bool known = verb == "MAIL" || verb == "RCPT" || verb == "DATA";
    conversation.command = known ? std::string(line) : "";
  } else if (type == CURLINFO_HEADER_IN) {
    conversation.reply = line.substr(0, kShownOfReply);
  }
  return 0;
}

std::size_t Read(char* buffer, std::size_t size, std::size_t count, void* from) {
  auto& unsent = static_cast<Conversation*>(from)->unsent;
  const auto length = std::min(size * count, unsent.size());
  std::memcpy(buffer, unsent.data(), length);
  unsent.remove_prefix(length);
  return length;
}

// Of a URL of the form smtp://HOST[:PORT] or smtps://HOST[:PORT].
Peer PeerOf(const std::string& url) {
  const auto scheme = url.substr(0, url.find("://"));
  auto host = url.substr(scheme.size() + 3);
  const auto colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  const auto default_port = scheme == "smtps" ? 465U : 25U;
  const auto port = colon == std::string::npos
                        ? default_port
                        : ParseDecimal(host.substr(colon + 1), 1, 65535).value_or(default_port);
  host = host.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {.scheme = scheme,
          .host = std::move(host),
          .port = static_cast<std::uint16_t>(port),
          .resource = ""};
}

// "RCPT TO:<a@b>" and what may follow.
std::string RecipientOf(std::string_view command) {
  const auto begin = command.find('<');
  const auto end = command.find('>');
  if (begin == std::string_view::npos || end == std::string_view::npos) return {};
  return std::string(command.substr(begin + 1, end - begin - 1));
}

Kind KindOf(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Kind::kTimeout;
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return Kind::kConnect;
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
      return Kind::kTls;
    case CURLE_LOGIN_DENIED:
      return Kind::kLogin;
    default:
      return Kind::kProtocol;
  }
}

// Of a server that answered with that status.
Kind KindOf(long status, const std::string& command) {
  if (status / 100 == 4) return Kind::kTransient;
  if (command.starts_with("RCPT")) return Kind::kRecipient;
  return command.starts_with("DATA") ? Kind::kMessage : Kind::kLogin;
}

}  // namespace

std::string_view ToString(SmtpFailure::Kind kind) { return NameOf(kKinds, kind); }

class SmtpClient::Session {
 public:
  explicit Session(SmtpServer server) : server_(std::move(server)), curl_(curl_easy_init()) {
    if (!server_.password.empty()) {  // as AUTH PLAIN (RFC 4616) and AUTH LOGIN send it
      HideSecret(EncodeBase64(std::string(1, '\0') + server_.username + '\0' + server_.password));
      HideSecret(EncodeBase64(server_.password));
    }
    if (curl_ != nullptr) SetUp();
  }

  ~Session() {
    EndReading();
    curl_easy_cleanup(curl_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::optional<SmtpFailure> Send(const std::string& from, const std::vector<std::string>& to,
                                  std::string_view text) {
    if (curl_ == nullptr) return SmtpFailure{Kind::kConnect, "libcurl does not start", ""};
    conversation_ = {.command = "", .reply = "", .over = false, .unsent = text};
    if (auto applied = server_.transport->Apply(curl_, PeerOf(server_.url)); !applied) {
      return SmtpFailure{Kind::kConnect, applied.error().message, ""};
    }
    curl_slist* list = nullptr;
    for (const auto& address : to) list = curl_slist_append(list, ("<" + address + ">").c_str());
    Set(CURLOPT_MAIL_FROM, ("<" + from + ">").c_str());
    Set(CURLOPT_MAIL_RCPT, list);
    const CURLcode code = curl_easy_perform(curl_);
    Set(CURLOPT_MAIL_RCPT, static_cast<curl_slist*>(nullptr));
    curl_slist_free_all(list);
    if (code == CURLE_OK) return std::nullopt;
    return FailureOf(code);
  }

 private:
  // libcurl says QUIT and waits for the answer. All mails were answered; nobody waits for this one.
  void EndReading() {
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (curl_ == nullptr || curl_easy_getinfo(curl_, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK) {
      return;
    }
    if (socket != CURL_SOCKET_BAD) ::shutdown(socket, SHUT_RD);
  }

  template <typename Value>
  void Set(CURLoption option, Value value) {
    curl_easy_setopt(curl_, option, value);
  }

  void SetUp() {
    Set(CURLOPT_HTTPPROXYTUNNEL, 1L);
    const long timeout = static_cast<long>(server_.timeout.count());
    Set(CURLOPT_TIMEOUT_MS, timeout);
    Set(CURLOPT_SERVER_RESPONSE_TIMEOUT, timeout / 1000 + 1);  // of the answer to QUIT, too
    Set(CURLOPT_USE_SSL, static_cast<long>(server_.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (!server_.username.empty()) {
      Set(CURLOPT_USERNAME, server_.username.c_str());
      Set(CURLOPT_PASSWORD, server_.password.c_str());
    }
    Set(CURLOPT_UPLOAD, 1L);
    Set(CURLOPT_READFUNCTION, &Read);
    Set(CURLOPT_READDATA, &conversation_);
    Set(CURLOPT_VERBOSE, 1L);  // all of it goes to Listen
    Set(CURLOPT_DEBUGFUNCTION, &Listen);
    Set(CURLOPT_DEBUGDATA, &conversation_);
  }

  SmtpFailure FailureOf(CURLcode code) {
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    const bool answered = code != CURLE_OPERATION_TIMEDOUT && KindOf(code) != Kind::kTls &&
                          status >= 400 && status < 600;
    if (auto why = server_.transport->WhyRefused();
        KindOf(code) == Kind::kConnect && !why.empty()) {
      return {Kind::kConnect, std::move(why), ""};
    }
    if (!answered) {
      const auto why = server_.transport->ErrorText();
      const bool no_tunnel = ConnectStatus() != 0 && ConnectStatus() / 100 != 2;
      return {no_tunnel ? Kind::kConnect : KindOf(code),
              why.empty() ? curl_easy_strerror(code) : why, ""};
    }
    SmtpFailure failure{KindOf(status, conversation_.command), EscapeTerminal(conversation_.reply),
                        ""};
    if (failure.kind == Kind::kRecipient) failure.recipient = RecipientOf(conversation_.command);
    return failure;
  }

  // Of the proxy's answer to CONNECT; 0: none.
  long ConnectStatus() const {
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_HTTP_CONNECTCODE, &status);
    return status;
  }

  const SmtpServer server_;
  CURL* const curl_;
  Conversation conversation_;
};

SmtpClient::SmtpClient(SmtpServer server)
    : session_(std::make_unique<Session>(std::move(server))) {}

SmtpClient::~SmtpClient() = default;

std::optional<SmtpFailure> SmtpClient::Send(const std::string& from,
                                            const std::vector<std::string>& to,
                                            std::string_view text) {
  return session_->Send(from, to, text);
}

}  // namespace postern::exporters
