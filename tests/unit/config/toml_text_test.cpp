// Letters outside ASCII, which the TOML library does not survive everywhere, come through unharmed or are refused.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/toml_text.h"

namespace sam3lab::toml_text_test {
namespace {

using testing::HasSubstr;

Tree read(const std::string& text) {
  Tree tree;
  std::vector<Fault> faults;
  EXPECT_TRUE(parse_toml(text, "file", "", tree, faults)) << (faults.empty() ? "" : faults.front().text());
  return tree;
}
std::string refusal(const std::string& text) {
  Tree tree;
  std::vector<Fault> faults;
  return parse_toml(text, "file", "", tree, faults) ? "" : faults.front().text();
}
std::string text_at(const Tree& tree, const KeyPath& path) {
  const auto leaf = tree.leaves.find(path);
  return leaf == tree.leaves.end() ? "(nothing)" : std::get<std::string>(leaf->second.value.data);
}

TEST(TomlText, KeepsEveryLetter) {
  const Tree tree = read(
      "\xef\xbb\xbf# \u3000\na = \"M\u00e9ni\u00e8re \\u00e9 ~ ~e9 ~7e\"\nb = '\\u00e9 ~c3~a9'\nc = "
      "\"\"\"\u00e4\n\u3000~\"\"\"\n"
      "[\"\u00fc\".\"~41\"]\nd = ['\U0001F9E0', \"\\\\u00e9\"]\n");
  EXPECT_EQ(text_at(tree, {"a"}), "M\u00e9ni\u00e8re \u00e9 ~ ~e9 ~7e");
  EXPECT_EQ(text_at(tree, {"b"}), "\\u00e9 ~c3~a9");
  EXPECT_EQ(text_at(tree, {"c"}), "\u00e4\n\u3000~");
  const auto list = tree.leaves.find({"\u00fc", "~41", "d"});
  ASSERT_NE(list, tree.leaves.end());
  EXPECT_EQ(show(list->second.value), "[\"\U0001F9E0\", \"\\\\u00e9\"]");
  Tree overrides;
  std::vector<Fault> faults;
  EXPECT_TRUE(parse_override("a.\"\u00fc\"=\u00e9 ~", overrides, faults));
  EXPECT_EQ(text_at(overrides, {"a", "\u00fc"}), "\u00e9 ~");
}

TEST(TomlText, RefusesWhatItCannotCarry) {
  EXPECT_THAT(refusal("a = 1\nb = \"\\u007e\""), HasSubstr("tilde"));
  EXPECT_THAT(refusal("a = \"\xff\""), HasSubstr("no UTF-8"));
  EXPECT_THAT(refusal("a = \"\\\u00e9\""), HasSubstr("file:1"));
  EXPECT_THAT(refusal("[\"\u00e9\"]\n[\"\u00e9\"]"), HasSubstr("\u00e9"));  // its own name in the library's message
}

// A quote within a bare word: what looks like a string is none to the parser (found by scripts/fuzz).
TEST(TomlText, SurvivesQuotesWithinWords) {
  for (const std::string text : {"x1=0x|=(01\"+\\e00e\"=G9i+\\e00e\"\u02b8\u0182\"\"=1=", "x = 1.\"\u02b8\"", "x = a\"\u02b8\"",
                                 "x = [1, 1.\"\u02b8\"]", "x = 0x|=\"\u02b8\""}) {
    EXPECT_THAT(refusal(text), HasSubstr("file:1")) << text;
  }
}

}  // namespace
}  // namespace sam3lab::toml_text_test
