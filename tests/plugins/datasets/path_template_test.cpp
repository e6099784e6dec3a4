// Names of files against templates, and the folders that are looked through for them.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/paths/folder_scan.h"
#include "plugins/datasets/shared/paths/path_template.h"
#include "tests/support/make_files.h"

namespace sam3lab::path_template_test {
using namespace datasets;
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Gaps gaps_of(const std::string& text, const std::string& path) {
  return PathTemplate(text).match(path).value_or(Gaps{{"no", "match"}});
}
bool fits(const std::string& text, const std::string& path) { return PathTemplate(text).match(path).has_value(); }

std::string refusal(const std::string& text) {
  try {
    const PathTemplate made(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(PathTemplate, GapsTakeWhatStandsInTheirPlace) {
  EXPECT_THAT(gaps_of("{subset:train|test}/images/{id}.png", "train/images/0001.png"),
              ElementsAre(Pair("id", "0001"), Pair("subset", "train")));
  EXPECT_THAT(gaps_of("{class}/{id}_mask*.png", "benign/benign (1)_mask_1.png"),
              ElementsAre(Pair("class", "benign"), Pair("id", "benign (1)")));
  EXPECT_THAT(gaps_of("{n:\\d{3}}{eye:OD|OS}.jpg", "123OS.jpg"), ElementsAre(Pair("eye", "OS"), Pair("n", "123")));
  EXPECT_FALSE(fits("{subset:train|test}/images/{id}.png", "val/images/0001.png"));
  EXPECT_FALSE(fits("images/{id}.png", "images/deeper/1.png"));
  EXPECT_FALSE(fits("images/{id}.png", "images/.png"));  // a gap is never empty
  EXPECT_FALSE(fits("images/{id}.png", "Images/1.png"));
  EXPECT_FALSE(fits("images/{id}.png", "images/1.png.txt"));
}

TEST(PathTemplate, ExpressionsMatchBytes) {
  EXPECT_TRUE(fits("{x:[a-c]+}", "abcabc"));
  EXPECT_FALSE(fits("{x:[^_]+}", "a_b"));
  EXPECT_TRUE(fits("{x:[^_]+}_mask.png", "benign (1)_mask.png"));
  EXPECT_TRUE(fits("{x:(ab|c){2}d?}", "abcd"));
  EXPECT_TRUE(fits("{x:(ab|c){2}d?}", "cab"));
  EXPECT_FALSE(fits("{x:(ab|c){2}d?}", "abcab"));
  EXPECT_TRUE(fits("{x:a{2,3}}", "aaa"));
  EXPECT_FALSE(fits("{x:a{2,3}}", "a"));
  EXPECT_FALSE(fits("{x:a{2,3}}", "aaaa"));
  EXPECT_TRUE(fits("{x:\\w\\.\\d*}", "_.42"));
  EXPECT_FALSE(fits("{x:.}", "ab"));
  EXPECT_FALSE(fits("{x:.*}", "a/b"));
  EXPECT_TRUE(fits("{x:[\xe9]}\xff", "\xe9\xff")) << "bytes, not characters";
  EXPECT_THAT(gaps_of("{x:(a|b)+}{y:(c)}-{z}", "abc-d"), ElementsAre(Pair("x", "ab"), Pair("y", "c"), Pair("z", "d")));
  EXPECT_FALSE(fits("{x:a*}b", "b")) << "a gap is never empty";
}

TEST(PathTemplate, AGapTwiceIsTheSameTextTwice) {
  EXPECT_TRUE(fits("{hash}/images/{hash}.png", "ab/images/ab.png"));
  EXPECT_FALSE(fits("{hash}/images/{hash}.png", "ab/images/ac.png"));
}

TEST(PathTemplate, TimeDoesNotExplodeOnNamesMadeForIt) {
  const auto start = std::chrono::steady_clock::now();
  const std::string name(255, 'a');
  EXPECT_FALSE(fits("{x:(a*)*b}", name));
  EXPECT_FALSE(fits("{x:(a|aa)+b}", name));
  EXPECT_FALSE(fits("{x:a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?(a|a)*(a|a)*c}", name));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(PathTemplate, RefusesWhatItDoesNotUnderstand) {
  for (const auto* text : {"{x",
                           "x}",
                           "{x:(a}",
                           "{x:a)}",
                           "{x:[a}",
                           "{x:[]}",
                           "{x:*a}",
                           "{x:a**}",
                           "{x:a$}",
                           "{x:^a}",
                           "{x:(?i)a}",
                           "{x:\\Qa}",
                           "{x:a)(b}",
                           "{x:a{2}{3}}",
                           "{x:a{1001}}",
                           "{x:\\q}",
                           "{x:((a{64}){64}){64}}",
                           "{a b}",
                           "{}",
                           "",
                           "/a",
                           "a/",
                           "a//b",
                           "../a"}) {
    EXPECT_THAT(refusal(text), HasSubstr("template '" + std::string(text) + "'")) << text;
  }
}

TEST(PathTemplate, FindsWhatFitsWithKnownGaps) {
  std::vector<std::string> files = {"b/1_mask.png", "b/1_mask_1.png", "b/10_mask.png", "h1/m/a.png",
                                    "h1/m/b.png",   "h2/m/c.png",     "m/x.png"};
  std::sort(files.begin(), files.end());
  const auto find = [&](const std::string& text, const Gaps& known) { return PathTemplate(text).find(files, known); };
  EXPECT_THAT(find("b/{id}_mask*.png", {{"id", "1"}}), ElementsAre("b/1_mask.png", "b/1_mask_1.png"));
  EXPECT_THAT(find("b/{id}_mask.png", {{"id", "10"}}), ElementsAre("b/10_mask.png"));
  EXPECT_THAT(find("{h}/m/*.png", {{"h", "h1"}}), ElementsAre("h1/m/a.png", "h1/m/b.png"));
  EXPECT_THAT(find("*/m/{x}.png", {{"x", "c"}}), ElementsAre("h2/m/c.png"));
  EXPECT_THAT(find("{open}/m/{x}.png", {}), ElementsAre("h1/m/a.png", "h1/m/b.png", "h2/m/c.png"));
  EXPECT_TRUE(find("b/{id}_mask.png", {{"id", "3"}}).empty());
  EXPECT_EQ(fill_gaps("{a}-{b}", {{"a", "1"}, {"b", "2"}}, "here"), "1-2");
  EXPECT_THROW(fill_gaps("{c}", {{"a", "1"}}, "here"), UsageError);
}

TEST(FolderScan, OpensOnlyWhatATemplateLeadsThrough) {
  const test::TempFolder folder;
  const auto make = [&](const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(folder / path).parent_path());
    test::write_text(folder / path, "");
  };
  for (const auto* path : {"images/2.png", "images/10.png", "images/._2.png", "images/Thumbs.db", "masks/2.png", "other/2.png",
                           "__MACOSX/images/2.png", "images/deep/3.png", "2.png"})
    make(path);
  std::filesystem::create_directory_symlink(folder / "images", folder / "images/circle");
  EXPECT_THAT(scan_folder(folder / "", {PathTemplate("images/{id}.png"), PathTemplate("masks/{id}.png")}),
              ElementsAre("images/10.png", "images/2.png", "masks/2.png"));
  EXPECT_THAT(scan_folder(folder / "", {PathTemplate("{any}/{more}/{id}.png")}),
              ElementsAre("images/circle/10.png", "images/circle/2.png", "images/deep/3.png"));
  EXPECT_THAT(scan_folder(folder / "", {PathTemplate("{any}/deep")}, true), ElementsAre("images/deep"));
  EXPECT_THROW(scan_folder(folder / "nowhere", {PathTemplate("{id}.png")}), DataError);
  make("images/\xff.png");
  EXPECT_THROW(scan_folder(folder / "", {PathTemplate("images/{id}.png")}), DataError);
}

}  // namespace
}  // namespace sam3lab::path_template_test
