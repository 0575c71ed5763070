#include "exporters/server_tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "exporters/test_certificates.h"

namespace postern::exporters {
namespace {

std::string ErrorOf(const std::string& cert_file, const std::string& key_file) {
  ServerTls settings;
  settings.cert_file = cert_file;
  settings.key_file = key_file;
  const auto made = MakeServerTls(settings);
  return made ? "" : made.error().message;
}

TEST(MakeServerTlsTest, TakesACertificateWithItsKeyAlone) {
  const Key ec = EcKey();
  const Key rsa = RsaKey();
  const auto ec_certificate = WriteCertificate("ec.pem", ec);
  const auto rsa_certificate = WriteCertificate("rsa.pem", rsa);
  const auto ec_key = WriteKey("ec.key", ec);
  const auto rsa_key = WriteKey("rsa.key", rsa);
  EXPECT_EQ(ErrorOf(ec_certificate, ec_key), "");
  EXPECT_EQ(ErrorOf(rsa_certificate, rsa_key), "");
  EXPECT_EQ(ErrorOf(ec_certificate, rsa_key),
            "key " + rsa_key +
                ": no certificate assigned; a PEM file without pass phrase is expected, of the key "
                "that belongs to " +
                ec_certificate);
  EXPECT_NE(ErrorOf(rsa_certificate, ec_key), "");
  EXPECT_NE(ErrorOf(ec_certificate, WriteKey("other.key", EcKey())), "");
}

TEST(MakeServerTlsTest, TakesFilesWithAByteOrderMark) {
  const Key key = EcKey();
  const auto marked = [](const std::string& path) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::ofstream(path + ".bom") << "\xEF\xBB\xBF" << text;
    return path + ".bom";
  };
  const auto certificate = marked(WriteCertificate("marked.pem", key));
  EXPECT_EQ(ErrorOf(certificate, marked(WriteKey("marked.key", key))), "");
  ServerTls settings;
  settings.cert_file = certificate;
  settings.key_file = InTestFolder("marked.key");
  settings.client_ca_file = certificate;
  settings.client_auth = ServerTls::ClientAuth::kRequired;
  const auto made = MakeServerTls(settings);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(sk_X509_NAME_num(SSL_CTX_get_client_CA_list((*made)->native_handle())), 1);
  EXPECT_EQ(ErrorOf("/dev/zero", settings.key_file),
            "certificate /dev/zero: cannot read it: it is no regular file");
}

// The suites of TLS 1.2 that the server takes.
std::vector<std::string> SuitesOf(const std::vector<std::string>& configured) {
  const Key rsa = RsaKey();
  ServerTls settings;
  settings.cert_file = WriteCertificate("suites.pem", rsa);
  settings.key_file = WriteKey("suites.key", rsa);
  settings.cipher_suites = configured;
  const auto made = MakeServerTls(settings);
  std::vector<std::string> names;
  if (!made) return names;
  const auto* ciphers = SSL_CTX_get_ciphers((*made)->native_handle());
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const auto* cipher = sk_SSL_CIPHER_value(ciphers, i);
    const std::string_view name = SSL_CIPHER_get_name(cipher);
    if (!name.starts_with("TLS_")) names.emplace_back(name);
  }
  return names;
}

TEST(MakeServerTlsTest, OffersNeitherCbcNorKeysWithoutForwardSecrecy) {
  const auto suites = SuitesOf({});
  EXPECT_FALSE(suites.empty());
  for (const auto& suite : suites) {
    EXPECT_TRUE(suite.starts_with("ECDHE-")) << suite;
    EXPECT_TRUE(suite.find("GCM") != std::string::npos ||
                suite.find("CHACHA20") != std::string::npos)
        << suite;
  }
  EXPECT_EQ(SuitesOf({"TLS_AES_256_GCM_SHA384"}), suites) << "the list of TLS 1.3 is another";
}

TEST(MakeServerTlsTest, AListThatNamesSuitesIsTaken) {
  EXPECT_EQ(SuitesOf({"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}),
            std::vector<std::string>{"ECDHE-RSA-AES128-GCM-SHA256"});
}

}  // namespace
}  // namespace postern::exporters
