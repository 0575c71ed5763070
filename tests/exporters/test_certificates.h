// Keys and certificates for tests, as PEM files.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "temporary_folder.h"

namespace postern::exporters {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline Key EcKey() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }
inline Key RsaKey() { return {EVP_RSA_gen(2048), EVP_PKEY_free}; }

// Of this process: tests of the same files run side by side.
inline std::string InTestFolder(const std::string& name) {
  static const TemporaryFolder folder;
  return folder.path() / name;
}

// Each writes a file into the folder, and gives its path.
inline std::string Write(const std::string& name, const std::function<int(std::FILE*)>& write) {
  const auto path = InTestFolder(name);
  std::FILE* file = std::fopen(path.c_str(), "w");
  EXPECT_EQ(write(file), 1);
  std::fclose(file);
  return path;
}

inline std::string WriteKey(const std::string& name, const Key& key) {
  return Write(name, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// Signed by itself, and valid for an hour.
inline std::string WriteCertificate(const std::string& name, const Key& key) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return Write(name, [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
}

}  // namespace postern::exporters
