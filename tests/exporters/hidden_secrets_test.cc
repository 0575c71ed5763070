#include "exporters/hidden_secrets.h"

#include <gtest/gtest.h>

namespace postern::exporters {
namespace {

TEST(HiddenSecretsTest, ASecretIsShownNowhereInAText) {
  HideSecret("correct horse");
  HideSecret("correct horse battery");
  HideSecret("");
  EXPECT_EQ(WithoutSecrets("correct horse, and correct horse battery: correct"),
            "[secret], and [secret]: [secret]");
  EXPECT_EQ(WithoutSecrets("correct"), "[secret]") << "it may have been cut";
  EXPECT_EQ(WithoutSecrets("a cor"), "a cor") << "three letters give nothing away";
  EXPECT_EQ(WithoutSecrets("correctness is correct."), "correctness is correct.");
}

}  // namespace
}  // namespace postern::exporters
