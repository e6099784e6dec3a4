// Comparison of results: which keys tell cells apart, means and spreads, and what is never put together.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/report/compare.h"
#include "core/report/compare_text.h"
#include "tests/support/record_sample.h"

namespace sam3lab::report_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Spread& spread_in(const Comparison& comparison, std::size_t cell, const std::string& name) {
  const auto found = std::ranges::find(comparison.quantities, name, &Quantity::name);
  if (found == comparison.quantities.end()) throw std::out_of_range(name);
  return comparison.cells[cell].values[static_cast<std::size_t>(found - comparison.quantities.begin())];
}

std::optional<double> value_at(const RunStatistics& run, const std::string& key) {
  const auto found = run.values.find(key);
  return found == run.values.end() ? std::nullopt : std::optional(found->second);
}

StepRow step(std::int64_t number, double seconds, double memory) {
  StepRow row;
  row.step = number;
  row.seconds = seconds;
  row.peak_memory_mib = memory;
  return row;
}

RunRecord finished(const std::string& toml, std::int64_t seed, double dice) {
  RunRecord record;
  record.name = "demo";
  record.identity = toml + std::to_string(seed);
  record.code_version = "abc, sources 0123";
  record.resolved_toml = "name = \"demo\"\nseeds = [1, 2]\n" + toml;
  record.protocol = "strict";
  record.metrics["dice"].definition = "Dice = 2 |P and T| / (|P| + |T|)";
  record.seed = seed;
  record.trainable_parameters = 10;
  record.finished = true;
  record.seconds["total"] = 5.0;
  record.steps = {step(1, 1.0, 100.0), step(2, 2.0, 300.0), step(3, 0.5, 200.0)};
  record.datasets["ct"] = {"ct", "internal", "", {}, {}, {}, {}, {{"a", "00"}}, {}};
  record.datasets["ct"].scores = {test::score("before", "1", "lung", "lungs", true, true, 0.1),
                                  test::score("after", "1", "lung", "lungs", true, true, dice),
                                  test::score("after", "2", "lung", "lungs", false, true, 0.0)};
  return record;
}

std::string scheme(const std::string& name, const std::string& more = "") {
  return "[scheme]\nuse = \"" + name + "\"\n" + more + "[train]\nsteps = 3\n[record]\nfolder = \"" + name + "\"\n";
}

Comparison compared(const std::vector<RunRecord>& records) {
  std::vector<RunStatistics> runs;
  for (std::size_t i = 0; i < records.size(); ++i) runs.push_back(statistics_of(records[i], std::to_string(i) + ".h5"));
  return compare(runs);
}

TEST(Spread, IsTheSampleStandardDeviation) {
  const Spread three = spread_of({1.0, 2.0, 6.0});
  EXPECT_EQ(three.n, 3U);
  EXPECT_DOUBLE_EQ(three.mean.value(), 3.0);
  EXPECT_DOUBLE_EQ(three.deviation.value(), std::sqrt((4.0 + 1.0 + 9.0) / 2.0));
  EXPECT_DOUBLE_EQ(spread_of({2.0}).mean.value(), 2.0);
  EXPECT_FALSE(spread_of({2.0}).deviation.has_value());
  EXPECT_FALSE(spread_of({}).mean.has_value());
}

TEST(StatisticsOfARun, SumStepsAndTakeTheLargestMemory) {
  const RunStatistics run = statistics_of(finished(scheme("full"), 1, 0.5), "a.h5");
  const auto value = [&](const std::string& key) { return value_at(run, key); };
  EXPECT_DOUBLE_EQ(value("train_seconds").value(), 3.5);
  EXPECT_DOUBLE_EQ(value("run_seconds").value(), 5.0);
  EXPECT_DOUBLE_EQ(value("peak_memory_mib").value(), 300.0);
  EXPECT_DOUBLE_EQ(value("dice/internal_before").value(), 0.1);
  EXPECT_DOUBLE_EQ(value("dice/internal_after").value(), 0.5);
  EXPECT_DOUBLE_EQ(value("off_prompt_rate").value(), 1.0);
  EXPECT_FALSE(value("dice/external_after").has_value());
  EXPECT_FALSE(value("device_memory_mib").has_value());
  EXPECT_FALSE(value("joules").has_value());
}

TEST(StatisticsOfARun, OneStepWithoutJoulesMakesNoSum) {
  RunRecord record = finished(scheme("full"), 1, 0.5);
  for (StepRow& row : record.steps) row.joules = 2.0, row.flops = 1e9;
  const auto value = [&](const std::string& key) { return value_at(statistics_of(record, "a.h5"), key); };
  EXPECT_DOUBLE_EQ(value("joules").value(), 6.0);
  EXPECT_DOUBLE_EQ(value("flops").value(), 3e9);
  record.steps[1].joules = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(value("joules").has_value());
}

TEST(Comparison, CellsAreWhatDiffersAndSeedsAreAveraged) {
  const Comparison both = compared({finished(scheme("lora", "rank = 8\n"), 2, 0.6), finished(scheme("full"), 1, 0.5),
                                    finished(scheme("lora", "rank = 8\n"), 1, 0.8), finished(scheme("full"), 2, 0.5)});
  EXPECT_THAT(both.keys, ElementsAre("scheme.use"));  // the rank follows from the scheme; name, seeds and folder do not count
  ASSERT_EQ(both.cells.size(), 2U);
  EXPECT_EQ(both.cells[0].settings.at("scheme.use"), "\"full\"");
  EXPECT_THAT(both.cells[1].seeds, ElementsAre(1, 2));
  EXPECT_THAT(both.cells[1].files, ElementsAre("2.h5", "0.h5"));
  EXPECT_DOUBLE_EQ(spread_in(both, 1, "internal_after").mean.value(), 0.7);
  EXPECT_NEAR(spread_in(both, 1, "internal_after").deviation.value(), 0.1 * std::sqrt(2.0), 1e-12);
  EXPECT_TRUE(both.warnings.empty());
  EXPECT_TRUE(both.excluded.empty());
}

TEST(Comparison, AnOptionThatVariesWithinItsPluginIsAKey) {
  const Comparison ranks = compared({finished(scheme("lora", "rank = 16\n"), 1, 0.5),
                                     finished(scheme("lora", "rank = 8\n"), 1, 0.6), finished(scheme("full"), 1, 0.7)});
  EXPECT_THAT(ranks.keys, ElementsAre("scheme.rank", "scheme.use"));
  ASSERT_EQ(ranks.cells.size(), 3U);
  EXPECT_EQ(ranks.cells[0].settings.at("scheme.rank"), "8");  // numbers by size
  EXPECT_EQ(ranks.cells[1].settings.at("scheme.rank"), "16");
}

TEST(Comparison, AVariantStandsForTheSettingsThatFollowFromIt) {
  RunRecord a = finished(scheme("full", "rate = 1\n"), 1, 0.5), b = finished(scheme("lora", "rank = 8\n"), 1, 0.5);
  a.environment["cell/variant"] = "full";
  b.environment["cell/variant"] = "lora";
  EXPECT_THAT(compared({a, b}).keys, ElementsAre("variant"));
  RunRecord c = finished(scheme("lora", "rank = 9\n"), 1, 0.5);
  c.environment["cell/variant"] = "lora";
  EXPECT_THAT(compared({a, b, c}).keys, ElementsAre("scheme.rank", "variant"));
}

TEST(Comparison, ProtocolsAreNeverMixed) {
  RunRecord other = finished(scheme("full"), 2, 0.9);
  other.protocol = "upstream";
  const Comparison two = compared({finished(scheme("full"), 1, 0.5), other});
  ASSERT_EQ(two.cells.size(), 2U);
  EXPECT_DOUBLE_EQ(spread_in(two, 0, "internal_after").mean.value(), 0.5);
  EXPECT_DOUBLE_EQ(spread_in(two, 1, "internal_after").mean.value(), 0.9);
  const std::string text = comparison_markdown(two);
  EXPECT_THAT(text, HasSubstr("**2 PROTOCOLS"));
  EXPECT_THAT(text, HasSubstr("Protocol P2: upstream"));
  EXPECT_THAT(text, HasSubstr("| P1 "));
}

TEST(Comparison, UnfinishedAndDoubleResultsAreLeftOutAndSaid) {
  RunRecord open = finished(scheme("full"), 2, 0.9);
  open.finished = false;
  const RunRecord one = finished(scheme("full"), 1, 0.5);
  const Comparison comparison = compared({one, open, one});
  ASSERT_EQ(comparison.cells.size(), 1U);
  EXPECT_THAT(comparison.cells[0].seeds, ElementsAre(1));
  const std::string text = comparison_markdown(comparison);
  EXPECT_THAT(text, HasSubstr("- 1.h5: not finished"));
  EXPECT_THAT(text, HasSubstr("- 2.h5: the same run as 0.h5"));
  EXPECT_THAT(text, HasSubstr("0.500 |"));
  EXPECT_THAT(comparison_markdown(compared({open})), HasSubstr("No finished result"));
}

TEST(Comparison, WhatIsNotInTheExperimentTellsRunsApart) {
  RunRecord code = finished(scheme("full"), 2, 0.5);
  code.code_version = "abc, sources 4567";
  RunRecord limited = finished(scheme("full"), 3, 0.5);
  limited.environment["limit"] = "1 item";
  RunRecord data = finished(scheme("full"), 4, 0.5);
  data.datasets["ct"].file_sha256["a"] = "01";
  const Comparison all = compared({finished(scheme("full"), 1, 0.5), code, limited, data});
  EXPECT_EQ(all.cells.size(), 4U);
  EXPECT_THAT(all.keys, ElementsAre("(code)", "(data of ct)", "(limit)"));
  const std::string text = comparison_markdown(all);
  EXPECT_THAT(text, HasSubstr("**NOT FOR REPORTING: 1 of 4 runs"));
  EXPECT_THAT(text, HasSubstr("differ in (code)"));
  EXPECT_THAT(text, HasSubstr("different seeds"));
}

TEST(Comparison, SaysWhatCostIsMissing) {
  RunRecord record = finished(scheme("full"), 1, 0.5);
  EXPECT_THAT(comparison_markdown(compared({record})), HasSubstr("Joules: not available"));
  for (StepRow& row : record.steps) row.joules = 2.0;
  const std::string text = comparison_markdown(compared({record, finished(scheme("full"), 2, 0.5)}));
  EXPECT_THAT(text, Not(HasSubstr("Joules: not available")));
  EXPECT_THAT(text, HasSubstr("6 [1 of 2]"));
}

TEST(Comparison, CsvAndJsonHoldTheSameValues) {
  RunRecord odd = finished(scheme("a,\\\"b"), 1, 0.25);
  odd.protocol = "one,\ntwo";
  const Comparison comparison = compared({odd, finished(scheme("full"), 1, 0.5)});
  const std::string csv = comparison_csv(comparison);
  EXPECT_THAT(csv, HasSubstr("scheme.use,protocol,seeds,trainable_parameters_mean,trainable_parameters_sd,"));
  EXPECT_THAT(csv, HasSubstr("\"a,\\\"\"b\",\"one,\ntwo\",1,10,,1,0.1,,1,0.25,,1,"));
  const auto parsed = nlohmann::json::parse(comparison_json(comparison));
  ASSERT_EQ(parsed["cells"].size(), 2U);
  EXPECT_EQ(parsed["cells"][1]["figures"]["internal_after"]["mean"], 0.5);
  EXPECT_TRUE(parsed["cells"][1]["figures"]["internal_after"]["sd"].is_null());
  EXPECT_EQ(parsed["cells"][1]["seeds"][0], 1);
}

TEST(Comparison, ShowsModalitiesWhenAsked) {
  RunRecord both = finished(scheme("full"), 1, 0.5);
  both.datasets["head"] = {
      "mri", "internal", "", {}, {}, {}, {}, {}, {test::score("after", "1", "b", "brain", true, true, 0.75)}};
  const Comparison comparison = compared({both, finished(scheme("lora"), 1, 0.25)});
  EXPECT_THAT(comparison_markdown(comparison), Not(HasSubstr("mri")));
  const std::string text = comparison_markdown(comparison, true);
  EXPECT_THAT(text, HasSubstr("| ct after | mri after |"));
  EXPECT_THAT(text, HasSubstr("|    0.500 |     0.750 |"));
  EXPECT_THAT(text, HasSubstr("|    0.250 |         - |"));
  EXPECT_THAT(comparison_csv(comparison), HasSubstr("dice_after/mri_mean"));
}

RunRecord with_distance(const std::string& toml, double dice, double distance) {
  RunRecord record = finished(toml, 1, dice);
  MetricInfo& info = record.metrics["assd"];
  info.unit = "mm";
  info.higher_is_better = false;
  info.highest = 1000.0;
  record.metrics["iou"].definition = "IoU = |P and T| / |P or T|";
  record.datasets["ct"].scores[1].metrics["assd"] = distance;
  record.datasets["ct"].scores[1].metrics["iou"] = dice / 2;
  return record;
}

Comparison compared_by(const std::vector<RunRecord>& records, const std::vector<std::string>& metrics) {
  std::vector<RunStatistics> runs;
  for (std::size_t i = 0; i < records.size(); ++i) runs.push_back(statistics_of(records[i], std::to_string(i) + ".h5"));
  return compare(runs, metrics);
}

TEST(Comparison, ShowsAMetricOfAnotherUnitBesideTheHeadline) {
  const Comparison both = compared_by({with_distance(scheme("full"), 0.5, 12.5)}, {"dice"});
  EXPECT_DOUBLE_EQ(spread_in(both, 0, "internal_after").mean.value(), 0.5);
  EXPECT_DOUBLE_EQ(spread_in(both, 0, "assd_internal_after").mean.value(), 12.5);
  EXPECT_THROW(spread_in(both, 0, "iou_internal_after"), std::out_of_range);  // says what Dice says
  const std::string text = comparison_markdown(both, true);
  EXPECT_THAT(text, HasSubstr("| Dice after | assd after [mm] ↓ |"));
  EXPECT_THAT(text, HasSubstr("| ct after | ct assd after [mm] ↓ |"));
  EXPECT_THAT(text, HasSubstr("12.50 |"));
  EXPECT_THAT(text, HasSubstr("↓: lower is better.\n"));
  EXPECT_THAT(comparison_csv(both), HasSubstr("assd_after/ct_mean"));
}

TEST(Comparison, ShowsTheMetricsThatAreAskedFor) {
  const Comparison both = compared_by({with_distance(scheme("full"), 0.5, 12.5)}, {"iou", "dice"});
  EXPECT_DOUBLE_EQ(spread_in(both, 0, "internal_after").mean.value(), 0.25);
  EXPECT_DOUBLE_EQ(spread_in(both, 0, "dice_internal_after").mean.value(), 0.5);
  const auto parsed = nlohmann::json::parse(comparison_json(both));
  EXPECT_EQ(parsed["cells"][0]["modalities"]["ct"]["mean"], 0.25);
  EXPECT_EQ(parsed["cells"][0]["modalities"]["dice/ct"]["mean"], 0.5);
}

TEST(Comparison, NeverPutsTwoMetricsIntoOneColumn) {
  RunRecord other = with_distance(scheme("lora"), 0.9, 2.0);
  other.metrics.erase("dice");
  other.metrics.erase("assd");
  const Comparison both = compared_by({finished(scheme("full"), 1, 0.5), other}, {"dice"});
  EXPECT_FALSE(spread_in(both, 1, "internal_after").mean.has_value());
  EXPECT_DOUBLE_EQ(spread_in(both, 1, "iou_internal_after").mean.value(), 0.45);
  EXPECT_FALSE(spread_in(both, 0, "iou_internal_after").mean.has_value());
}

TEST(Comparison, WarnsWhereAMetricIsDefinedInTwoWays) {
  RunRecord other = finished(scheme("lora"), 1, 0.5);
  other.metrics["dice"].definition = "Dice = something else";
  EXPECT_THAT(compared({finished(scheme("full"), 1, 0.5), other}).warnings,
              ElementsAre(HasSubstr("metric 'dice' in different ways")));
}

TEST(Comparison, SaysWhatTheScoresShow) {
  RunRecord record = finished(scheme("full"), 1, 0.5);
  record.datasets["ct"].split_mode = "subject";
  record.datasets["ct"].train_subjects = {"a", "b"};
  record.datasets["ct"].held_out_subjects = {"c", "d"};
  EXPECT_THAT(
      comparison_markdown(compared({record})),
      HasSubstr("Dice: macro mean over prompts, held-out items.\nInternal: 2 subjects held out, none of them trained on in "
                "this run.\n"));
}

TEST(Comparison, RefusesAResultWhoseExperimentIsNoToml) {
  EXPECT_THROW((void)statistics_of(finished("[scheme", 1, 0.5), "bad.h5"), DataError);
}

TEST(Comparison, ShowsNoControlCharactersOfAFile) {
  const std::string text = comparison_markdown(
      compared({finished(scheme("full"), 1, 0.5), finished("[scheme]\nuse = \"\\u001b[31m | x\"\n", 1, 0.5)}));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("m | x")));
}

}  // namespace
}  // namespace sam3lab::report_test
