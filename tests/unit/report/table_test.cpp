#include "core/report/table.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/record_sample.h"

namespace sam3lab::table_test {
namespace {

using test::score;
using testing::HasSubstr;
using testing::Not;

RunRecord trained() {
  RunRecord record;
  record.protocol = "strict, threshold 0.5, macro mean";
  record.datasets["ct"] = {"ct", "internal", "", {}, {}, {}, {}, {}, {}, "block", {"a"}, {"a"}};
  record.datasets["ct"].scores = {
      score("before", "1", "lung", "lungs", true, true, 0.1),  score("before", "2", "rib", "côtes", false, true, 0.0),
      score("after", "1", "lung", "lungs", true, false, 0.75), score("after", "1", "rib", "côtes", true, true, 0.25),
      score("after", "2", "rib", "côtes", false, false, 1.0),  score("shuffled", "1", "lung", "lungs", true, true, 0.125)};
  record.datasets["ct"].scores[2].metrics["iou"] = 0.6;
  return record;
}

std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(part) != std::string::npos) return line;
  }
  return "";
}

TEST(ResultsTable, HasOneRowAPromptAndTheMeans) {
  const std::string text = results_table(trained());
  EXPECT_THAT(text,
              HasSubstr("Internal: held-out blocks of 1 subject that is also trained on: a demonstration, no evidence.\n"));
  EXPECT_THAT(text, HasSubstr("strict, threshold 0.5, macro mean"));
  EXPECT_EQ(line_with(text, "| lungs "),
            "| ct       | lungs             | 1 |       0.100 |      0.750 |     0.600 |      1 |");
  EXPECT_EQ(line_with(text, "côtes"), "| ct       | côtes             | 1 |           - |      0.250 |         - |      0 |");
  EXPECT_EQ(line_with(text, "| internal"),
            "| internal | mean of 2 prompts | 2 |       0.100 |      0.500 |     0.600 |        |");
  EXPECT_THAT(text, HasSubstr("internal 100.0 % before, 0.0 % after, n = 1"));
  EXPECT_THAT(text, HasSubstr("Dice 0.750 with the own prompt, 0.125 with another's, n = 1"));
  EXPECT_THAT(text, Not(HasSubstr("xternal")));
}

TEST(ResultsTable, NamesTheExternalDataset) {
  RunRecord record = trained();
  record.datasets["ape"] = {
      "mri", "external", "", {}, {}, {}, {}, {}, {score("after", "5", "b", "brain", true, true, 0.3)}, "external", {}, {"ape"}};
  const std::string text = results_table(record);
  EXPECT_THAT(text, HasSubstr("External: 1 subject of another dataset, not trained on in this run.\n"));
  EXPECT_THAT(line_with(text, "brain"), HasSubstr("| mri (ape) | brain"));
  EXPECT_THAT(line_with(text, "| external"), HasSubstr("mean of 1 prompt "));
}

TEST(ResultsTable, StandsWithoutAnyScore) { EXPECT_THAT(results_table(RunRecord{}), HasSubstr("mean of 0 prompts")); }

TEST(ResultsTable, ShowsNoControlCharactersOfAFile) {
  RunRecord record = trained();
  record.datasets["ct"].scores[2].prompt = "lungs\x1b[31m | evil\n";
  const std::string text = results_table(record);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("lungs?[31m / evil?"));
}

}  // namespace
}  // namespace sam3lab::table_test
