#include "policy/secret_line.h"

#include <gtest/gtest.h>

namespace postern::policy {
namespace {

TEST(SecretLine, AUrlWithAUserIsHidden) {
  EXPECT_TRUE(MayHoldSecret("url: http://user:hunter2@host/"));
  EXPECT_TRUE(MayHoldSecret("- smtp://hunter2@host"));
  EXPECT_TRUE(MayHoldSecret("urls: [http://first/, \"http://user:hun/ter2@second\"]"));
  EXPECT_TRUE(MayHoldSecret("{url: http://user:hun'ter, u: http://a@b"));
}

TEST(SecretLine, AKeyOfASecretIsHidden) {
  EXPECT_TRUE(MayHoldSecret("  password: hunter2"));
  EXPECT_TRUE(MayHoldSecret("{name: hub, smtp_password : hunter2"));
  EXPECT_TRUE(MayHoldSecret("\"token\": hunter2"));
  EXPECT_TRUE(MayHoldSecret("secret_file: x, secret: hunter2"));
  EXPECT_TRUE(MayHoldSecret("authorization: {type: Bearer, credentials: hunter2}"));
  EXPECT_TRUE(MayHoldSecret("headers: {Authorization: Bearer hunter2}"));
  EXPECT_TRUE(MayHoldSecret("headers: {X-Api-Key: hunter2}"));
}

TEST(SecretLine, EverythingElseIsShown) {
  EXPECT_FALSE(MayHoldSecret(""));
  EXPECT_FALSE(MayHoldSecret("://"));
  EXPECT_FALSE(MayHoldSecret("server: smtp://mail.example.com, from: postern@example.com"));
  EXPECT_FALSE(MayHoldSecret("password_file: /etc/postern/password"));
  EXPECT_FALSE(MayHoldSecret("reason: the token"));
}

}  // namespace
}  // namespace postern::policy
