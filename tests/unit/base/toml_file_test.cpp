// What parse_toml_text refuses before the library sees it, with the line.
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "core/base/toml_file.h"

namespace sam3lab::toml_file_test {
namespace {

std::string refusal(const std::string& text, const TomlRules& rules = {}) {
  const auto parsed = parse_toml_text(text, "file", rules);
  const auto* refused = std::get_if<TomlRefusal>(&parsed);
  return refused == nullptr ? "" : std::to_string(refused->line) + ": " + refused->what;
}

TEST(TomlFile, RefusesWithTheLine) {
  EXPECT_EQ(refusal("a = 1\nb = \"x\\u007ey\"\n"), "2: a tilde as a \\u escape");
  EXPECT_EQ(refusal("# \\n\n\nb\u00e9 = 1\n"), "3: a letter outside ASCII that no quotes enclose");
  EXPECT_EQ(refusal("a = \"\xff\""), "1: the text is no UTF-8");
}

TEST(TomlFile, RulesBoundDotsAndLongStrings) {
  const std::string nine = "a.b.c.d.e.f.g.h.i.j = 1\n", longer = "a = '''x\ny'''\n";
  EXPECT_EQ(refusal(nine), "1: a key of more than 8 dots");
  EXPECT_EQ(refusal(nine, {.most_dots = 9}), "");
  EXPECT_EQ(refusal("b = 1\n" + longer), "2: a string over several lines, which these files do not have");
  EXPECT_EQ(refusal("b = 1\n" + longer, {.long_strings = true}), "");
  EXPECT_EQ(refusal("\xef\xbb\xbf"
                    "a = 'x'\n"),
            "")
      << "a byte order mark";
}

}  // namespace
}  // namespace sam3lab::toml_file_test
