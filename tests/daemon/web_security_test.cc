#include "daemon/web_security.h"

#include <gtest/gtest.h>

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "exporters/test_certificates.h"
#include "policy/web_config.h"

namespace postern::daemon {
namespace {

class WebWatchTest : public testing::Test {
 protected:
  WebWatchTest() {
    WriteKeyAndCertificate();
    WriteConfig("tls_server_config: {cert_file: watch.pem, key_file: watch.key}\n");
    // What is written later is newer, whatever the file system's clock.
    for (const auto* name : {"watch.pem", "watch.key", "watch.yml"}) {
      std::filesystem::last_write_time(exporters::InTestFolder(name),
                                       std::filesystem::file_time_type{});
    }
  }

  static void WriteKeyAndCertificate() {
    const auto key = exporters::EcKey();
    exporters::WriteKey("watch.key", key);
    exporters::WriteCertificate("watch.pem", key);
  }
  void WriteConfig(const std::string& text) const { std::ofstream(path_) << text; }
  policy::WebOptions Load() const {
    policy::WebOptions web;
    web.config_file = path_;
    web.stamp = StampOf(path_);
    web.config = *policy::LoadWebConfig(path_).config;
    return web;
  }

  const std::string path_ = exporters::InTestFolder("watch.yml");
};

TEST_F(WebWatchTest, SeesWhatChangedWhileItWasLoaded) {
  const auto web = Load();
  WriteConfig("http_server_config: {headers: {X-Frame-Options: deny}}\n");
  auto watch = WebWatch::Begin(web);
  ASSERT_TRUE(watch);
  EXPECT_NE(watch->security().tls, nullptr);
  const auto changed = watch->Look();
  ASSERT_TRUE(changed && *changed);
  EXPECT_EQ(watch->security().tls, nullptr);
  EXPECT_EQ(watch->security().headers.size(), 1U);
  EXPECT_FALSE(watch->Look());
}

TEST_F(WebWatchTest, KeepsTheTlsOfWhichNothingChanged) {
  auto first = WebWatch::Begin(Load());
  WriteConfig("tls_server_config: {cert_file: watch.pem, key_file: watch.key}\n# the same\n");
  auto second = WebWatch::Begin(Load());
  ASSERT_TRUE(first && second);
  const auto tls = first->security().tls;
  EXPECT_TRUE(*first->Look());
  EXPECT_EQ(first->security().tls, tls);
  EXPECT_NE(second->security().tls, tls);
  second->KeepTlsOf(*first);
  EXPECT_EQ(second->security().tls, tls);

  WriteKeyAndCertificate();
  EXPECT_TRUE(*first->Look());
  EXPECT_NE(first->security().tls, tls);
  auto third = WebWatch::Begin(Load());
  third->KeepTlsOf(*second);
  EXPECT_NE(third->security().tls, tls);
}

TEST_F(WebWatchTest, WhatCannotBeUsedChangesNothing) {
  auto watch = WebWatch::Begin(Load());
  ASSERT_TRUE(watch);
  const auto tls = watch->security().tls;
  exporters::WriteKey("watch.key", exporters::RsaKey());
  const auto changed = watch->Look();
  ASSERT_TRUE(changed && !*changed);
  EXPECT_EQ(watch->security().tls, tls);
  EXPECT_FALSE(watch->Look());
}

}  // namespace
}  // namespace postern::daemon
