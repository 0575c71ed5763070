#include "exporters/server_tls.h"

#include <gtest/gtest.h>

#include <boost/asio/ssl/context.hpp>
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

}  // namespace
}  // namespace postern::exporters
