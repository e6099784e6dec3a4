// The tokenizer gives the ids of the published package's, and refuses what is no vocabulary.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <zlib.h>

#include <sam3lab/api/error.h>

#include "plugins/backbones/sam3/text/characters.h"
#include "plugins/backbones/sam3/text/mojibake.h"
#include "plugins/backbones/sam3/text/text_cleaning.h"
#include "plugins/backbones/sam3/text/tokenizer.h"
#include "plugins/backbones/sam3/text/vocabulary.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::sam3::tokenizer_test {
namespace {

using Ids = std::vector<std::int64_t>;

const Tokenizer& tokenizer() {
  static const Tokenizer made(find_vocabulary(""));
  return made;
}

TEST(Sam3Tokenizer, GivesThePackagesIds) {
  std::ifstream file(SAM3LAB_SOURCE_DIR "/tests/golden/tokens.json");
  const nlohmann::json rows = nlohmann::json::parse(file);
  ASSERT_GT(rows.size(), 400U);
  for (const auto& row : rows) {
    const auto text = row.at("text").get<std::string>();
    EXPECT_EQ(tokenizer().encode(text), row.at("ids").get<Ids>())
        << row.at("text").dump(-1, ' ', true) << " cleaned: " << to_utf8(clean_text(text));
  }
}

// Made by scripts/golden/token_texts.py; ends at the first difference, because one cause has many.
TEST(Sam3Tokenizer, GivesThePackagesIdsForTenThousandTexts) {
  std::istringstream lines(read_gzip(SAM3LAB_SOURCE_DIR "/tests/golden/ten_thousand_tokens.gz", std::size_t{16} << 20));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const nlohmann::json row = nlohmann::json::parse(line);
    const auto text = row.at(0).get<std::string>();
    ASSERT_EQ(tokenizer().encode(text), row.at(1).get<Ids>())
        << "text " << count + 1 << ": " << row.at(0).dump(-1, ' ', true) << " cleaned: " << to_utf8(clean_text(text));
  }
  EXPECT_EQ(count, 10000);
}

// Letters of Unicode 16 to 18 are one word; to Python 3.11, which does not know them, they have no case and do not compose.
TEST(Sam3Tokenizer, KnowsTheLettersThatThePackageKnows) {
  EXPECT_TRUE(is_letter(U'\U000105C0'));         // Todhri, Unicode 16
  EXPECT_FALSE(is_letter(U'\u0557'));            // no character
  EXPECT_TRUE(is_number(U'\U00010D40'));         // Garay digit, Unicode 16
  EXPECT_FALSE(is_python_digit(U'\U00011F50'));  // Kawi digit, Unicode 15
  EXPECT_TRUE(is_python_digit(U'\u0663'));
  // The sigma stands at a word's end: to Python the mark that follows (Unicode 15) is none.
  EXPECT_EQ(to_utf8(clean_text("\u0391\u03A3\U0001E4ECb")), "\u03B1\u03C2\U0001E4ECb");
}

TEST(Sam3Tokenizer, RowsAreFramedCutAndPadded) {
  EXPECT_EQ(tokenizer().row("", 4), (Ids{49406, 49407, 0, 0}));
  const Ids ids = tokenizer().encode("left lung and right lung");
  EXPECT_EQ(tokenizer().row("left lung and right lung", 4), (Ids{49406, ids[0], ids[1], 49407}));
  EXPECT_EQ(tokenizer().row("left lung and right lung", 7), (Ids{49406, ids[0], ids[1], ids[2], ids[3], ids[4], 49407}));
}

TEST(Sam3Tokenizer, TakesBytesThatAreNoUtf8) {
  EXPECT_EQ(tokenizer().encode("a\xFF\xC3"), tokenizer().encode("a\xEF\xBF\xBD\xEF\xBF\xBD"));
}

TEST(Sam3Tokenizer, UndoesWrongDecoding) {
  EXPECT_EQ(to_utf8(repair_text(from_utf8("Sj\u00C3\u00B6gren"))), "Sj\u00F6gren");
  EXPECT_TRUE(is_mojibake(U"donâ€™t"));
  EXPECT_FALSE(is_mojibake(U"Ménière’s naïve Ångström"));
}

class Sam3Vocabulary : public testing::Test {
 protected:
  void write_gzip(const std::string& content) {
    const gzFile out = gzopen(path_.c_str(), "wb");
    ASSERT_NE(out, nullptr);
    ASSERT_EQ(gzwrite(out, content.data(), static_cast<unsigned>(content.size())), static_cast<int>(content.size()));
    gzclose(out);
  }
  test::TempFolder folder_;
  std::string path_ = folder_ / "vocabulary.gz";
};

TEST_F(Sam3Vocabulary, RefusesOtherContent) {
  write_gzip("heading\na b\n");
  EXPECT_THROW(Tokenizer{path_}, DataError);  // too few
  write_gzip("heading\nnopair\n");
  EXPECT_THROW(Tokenizer{path_}, DataError);
  std::string strange = "heading\n";
  for (int i = 0; i < 49000; ++i) strange += "unknown parts\n";
  write_gzip(strange);
  EXPECT_THROW(Tokenizer{path_}, DataError);
}

TEST_F(Sam3Vocabulary, RefusesATruncatedFile) {
  std::filesystem::copy_file(find_vocabulary(""), path_);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  EXPECT_THROW(Tokenizer{path_}, DataError);
}

TEST_F(Sam3Vocabulary, RefusesToUnpackWithoutBound) {
  write_gzip(std::string(100000, 'x'));
  EXPECT_THROW((void)read_gzip(path_, 99999), DataError);
  EXPECT_EQ(read_gzip(path_, 100000).size(), 100000U);
}

TEST_F(Sam3Vocabulary, NamesTheMissingFile) {
  try {
    (void)find_vocabulary("no/such/file.gz");
    FAIL() << "found a file that is not there";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("no/such/file.gz"), std::string::npos);
  }
}

}  // namespace
}  // namespace sam3lab::sam3::tokenizer_test
