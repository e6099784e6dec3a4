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
  record.metrics["dice"].definition = "Dice = 2 |P and T| / (|P| + |T|)";
  record.metrics["iou"].definition = "IoU = |P and T| / |P or T|";
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
  const std::string text = results_table(summarise(trained()));
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
  const std::string text = results_table(summarise(record));
  EXPECT_THAT(text, HasSubstr("External: 1 subject of another dataset, not trained on in this run.\n"));
  EXPECT_THAT(line_with(text, "brain"), HasSubstr("| mri (ape) | brain"));
  EXPECT_THAT(line_with(text, "| external"), HasSubstr("mean of 1 prompt "));
}

TEST(ResultsTable, ShowsAMetricOfAnyUnitAndDirection) {
  RunRecord record = trained();
  MetricInfo& distance = record.metrics["assd"];
  distance.unit = "mm";
  distance.higher_is_better = false;
  distance.highest = 1000.0;
  record.datasets["ct"].scores[0].metrics["assd"] = 12.5;
  record.datasets["ct"].scores[2].metrics["assd"] = 3.25;
  const std::string text = results_table(summarise(record, "dice"));
  EXPECT_THAT(line_with(text, "| modality"),
              HasSubstr("| Dice before | Dice after | assd before [mm] ↓ | assd after [mm] ↓ | IoU after | missed |"));
  EXPECT_THAT(line_with(text, "| lungs "), HasSubstr("|       0.100 |      0.750 |              12.50 |              3.25 |"));
  EXPECT_THAT(text, HasSubstr("assd 3.25 mm with the own prompt, - with another's"));
  EXPECT_THAT(text, HasSubstr("\n↓: lower is better.\n"));
  EXPECT_THAT(text, HasSubstr("assd: undefined for 0 samples before and 1 after training; they are left out.\n"));
  EXPECT_THAT(results_table(summarise(trained())), Not(HasSubstr("lower is better")));
  const std::string other = results_table(summarise(record, "assd"));
  EXPECT_THAT(line_with(other, "| modality"), HasSubstr("| n | assd before [mm] ↓ | assd after [mm] ↓ | Dice before |"));
}

TEST(ResultsTable, StandsWithoutAnyScore) {
  EXPECT_THAT(results_table(summarise(RunRecord{})), HasSubstr("mean of 0 prompts"));
}

TEST(ResultsTable, ShowsNoControlCharactersOfAFile) {
  RunRecord record = trained();
  record.datasets["ct"].scores[2].prompt = "lungs\x1b[31m | evil\n";
  const std::string text = results_table(summarise(record));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("lungs?[31m / evil?"));
}

}  // namespace
}  // namespace sam3lab::table_test
