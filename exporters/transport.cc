#include "exporters/transport.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <utility>

#include "core/digest.h"
#include "core/ip_address.h"
#include "core/secret_file.h"
#include "exporters/escape.h"
#include "exporters/hidden_secrets.h"
#include "exporters/metadata_address.h"

namespace postern::exporters {
namespace {

static_assert(CURL_ERROR_SIZE == 256);

template <typename Value>
void Set(void* curl, CURLoption option, Value value) {
  curl_easy_setopt(curl, option, value);
}

// The roots that every other connection of this program trusts, SSL_CERT_FILE included.
CURLcode TrustMachineRoots(CURL* /*handle*/, void* context, void* /*data*/) {
  return SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX*>(context)) == 1
             ? CURLE_OK
             : CURLE_SSL_CACERT_BADFILE;
}

std::optional<IpAddress> AddressOf(const curl_sockaddr& peer) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&peer.addr);
  if (peer.family == AF_INET) {
    return IpAddress::FromBytes({bytes + offsetof(sockaddr_in, sin_addr), sizeof(in_addr)});
  }
  return IpAddress::FromBytes({bytes + offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr)});
}

// `refused` is a std::string*, for the address that is not connected to.
int OpenAllowed(void* refused, curlsocktype /*purpose*/, curl_sockaddr* peer) {
  const auto address = AddressOf(*peer);
  if (!address || IsLinkLocalOrMetadata(*address)) {
    *static_cast<std::string*>(refused) = address ? address->ToString() : "the peer";
    return CURL_SOCKET_BAD;
  }
  return ::socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

std::string InBrackets(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

bool MayUseTls(const Peer& peer) { return peer.scheme != "http"; }

void SetBlob(void* curl, CURLoption option, std::string& pem) {
  curl_blob blob{.data = pem.data(), .len = pem.size(), .flags = CURL_BLOB_COPY};
  Set(curl, option, pem.empty() ? nullptr : &blob);
}

}  // namespace

Login::Login(const LoginConfig& config)
    : user_(config.username),
      user_file_(config.username_file),
      password_file_(config.password_file) {}

Result<Login::Words> Login::Read() {
  auto user = user_file_.Read();
  if (!user) return user.error();
  auto password = password_file_.Read();
  if (!password) return password.error();
  Words words{.user = user_.empty() ? *std::move(user) : user_, .password = *std::move(password)};
  if (words.user.find(':') != std::string::npos) {
    return Error{
        "the user name in a username_file has a colon, which ends it (RFC 7617, section 2)"};
  }
  if (!words.password.empty()) HideSecret(EncodeBase64(words.user + ":" + words.password));
  return words;
}

std::string BasicCredentials(const Login::Words& words) {
  return "Basic " + EncodeBase64(words.user + ":" + words.password);
}

void Transport::FreeList::operator()(curl_slist* list) const { curl_slist_free_all(list); }

Transport::Transport(TransportConfig config)
    : config_(std::move(config)),
      proxy_url_(HttpUrl::Parse(config_.proxy.url)),
      ca_(config_.tls.ca_file, &ReadPemFile),
      certificate_(config_.tls.cert_file, &ReadPemFile),
      key_(config_.tls.key_file, &ReadPemFile),
      proxy_login_(config_.proxy.login) {
  if (proxy_url_) {
    proxy_place_ = InBrackets(proxy_url_->host) + ":" + std::to_string(proxy_url_->port);
  }
}

Transport::~Transport() = default;

Result<void> Transport::ReadFiles() {
  for (const auto& [file, text] :
       {std::pair(&ca_, &ca_pem_), std::pair(&certificate_, &certificate_pem_),
        std::pair(&key_, &key_pem_)}) {
    auto pem = file->Read();
    if (!pem) return pem.error();
    *text = *std::move(pem);
  }
  auto words = proxy_login_.Read();
  if (!words) return words.error();
  proxy_words_ = *std::move(words);
  return {};
}

Result<void> Transport::Apply(void* curl, const Peer& peer) {
  refused_.clear();
  error_.front() = '\0';
  if (!config_.allow_link_local) {
    if (IsLinkLocalOrMetadataHost(peer.host)) return Error{peer.host + std::string(kWhyNotAllowed)};
    Set(curl, CURLOPT_OPENSOCKETFUNCTION, &OpenAllowed);
    Set(curl, CURLOPT_OPENSOCKETDATA, &refused_);
  }
  Set(curl, CURLOPT_NOSIGNAL, 1L);
  Set(curl, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a name server at the end
  Set(curl, CURLOPT_ERRORBUFFER, error_.data());
  ApplyPeer(curl, peer);
  ApplyProxy(curl);
  ApplyTls(curl);
  return {};
}

// A certificate of another name is asked for by a URL with that name, which leads to the peer.
void Transport::ApplyPeer(void* curl, const Peer& peer) {
  const auto place = InBrackets(peer.host) + ":" + std::to_string(peer.port);
  const bool renamed = MayUseTls(peer) && !config_.tls.server_name.empty();
  const auto name = renamed ? config_.tls.server_name + ":" + std::to_string(peer.port) : place;
  Set(curl, CURLOPT_URL, (peer.scheme + "://" + name + peer.resource).c_str());
  Set(curl, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
  Set(curl, CURLOPT_PATH_AS_IS, 1L);
  connect_to_.reset(renamed ? curl_slist_append(nullptr, (name + ":" + place).c_str()) : nullptr);
  Set(curl, CURLOPT_CONNECT_TO, connect_to_.get());
}

void Transport::ApplyProxy(void* curl) {
  // Set also where they are empty: the environment says nothing then.
  const std::string scheme = proxy_url_ && proxy_url_->tls ? "https://" : "http://";
  Set(curl, CURLOPT_PROXY, proxy_url_ ? (scheme + proxy_place_).c_str() : "");
  Set(curl, CURLOPT_NOPROXY, config_.proxy.no_proxy.c_str());
  Set(curl, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
  Set(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!config_.proxy.login.IsSet()) return;
  Set(curl, CURLOPT_PROXYAUTH, CURLAUTH_BASIC);
  Set(curl, CURLOPT_PROXYUSERNAME, proxy_words_.user.c_str());
  Set(curl, CURLOPT_PROXYPASSWORD, proxy_words_.password.c_str());
}

void Transport::ApplyTls(void* curl) {
  const long version = config_.tls.tls13_only ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;
  Set(curl, CURLOPT_SSLVERSION, version);
  Set(curl, CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  for (const auto option :
       {CURLOPT_CAINFO, CURLOPT_CAPATH, CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAPATH}) {
    Set(curl, option, static_cast<const char*>(nullptr));
  }
  SetBlob(curl, CURLOPT_CAINFO_BLOB, ca_pem_);
  SetBlob(curl, CURLOPT_PROXY_CAINFO_BLOB, ca_pem_);
  if (ca_pem_.empty()) Set(curl, CURLOPT_SSL_CTX_FUNCTION, &TrustMachineRoots);
  SetBlob(curl, CURLOPT_SSLCERT_BLOB, certificate_pem_);
  SetBlob(curl, CURLOPT_SSLKEY_BLOB, key_pem_);
  Set(curl, CURLOPT_KEYPASSWD, "");  // a key with a pass phrase fails, and asks no terminal for it
  Set(curl, CURLOPT_SSL_VERIFYPEER, config_.tls.insecure_skip_verify ? 0L : 1L);
  Set(curl, CURLOPT_SSL_VERIFYHOST, config_.tls.insecure_skip_verify ? 0L : 2L);
}

std::string Transport::ErrorText() const { return EscapeTerminal(error_.data()); }

std::string Transport::WhyRefused() const {
  return refused_.empty() ? "" : refused_ + std::string(kWhyNotAllowed);
}

}  // namespace postern::exporters
