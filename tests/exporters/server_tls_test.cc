#include "exporters/server_tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <boost/asio/ssl/context.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

namespace postern::exporters {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key EcKey() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }
Key RsaKey() { return {EVP_RSA_gen(2048), EVP_PKEY_free}; }

std::string Write(const std::string& name, const std::function<int(std::FILE*)>& write) {
  const std::string path = testing::TempDir() + "server_tls_test." + name;
  std::FILE* file = std::fopen(path.c_str(), "w");
  EXPECT_EQ(write(file), 1);
  std::fclose(file);
  return path;
}

std::string WriteKey(const std::string& name, const Key& key) {
  return Write(name, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// Signed by itself, and valid for an hour.
std::string WriteCertificate(const std::string& name, const Key& key) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return Write(name, [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
}

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

}  // namespace
}  // namespace postern::exporters
