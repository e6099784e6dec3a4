#include "core/record/summary.h"

#include <limits>

#include <gtest/gtest.h>

#include "core/record/statistics.h"
#include "tests/support/record_sample.h"

namespace sam3lab::summary_test {
namespace {

using nlohmann::json;
using test::score;

ScoreRow with_iou(ScoreRow row, double iou) {
  row.metrics["iou"] = iou;
  return row;
}

// ct: lung on two samples, rib on one; mri: brain on one; ape (external): brain on one.
RunRecord two_modalities() {
  RunRecord record;
  record.name = "demo";
  record.identity = "0123";
  record.seed = 3;
  record.seconds["total"] = 61.0;
  record.metrics = {{"dice", {}}, {"iou", {}}};
  record.datasets["ct"] = {"ct", "internal", "", {}, {}, {}, {}, {}, {}};
  record.datasets["head"] = {"mri", "internal", "", {}, {}, {}, {}, {}, {}};
  record.datasets["ape"] = {"mri", "external", "", {}, {}, {}, {}, {}, {}};
  record.datasets["ct"].scores = {
      score("before", "1", "lung", "lungs", true, true, 0.1),
      score("before", "2", "lung", "lungs", true, true, 0.3),
      score("before", "1", "rib", "ribs", true, true, 0.0),
      score("before", "2", "rib", "ribs", false, true, 0.0),
      with_iou(score("after", "1", "lung", "lungs", true, true, 0.8), 0.7),
      with_iou(score("after", "2", "lung", "lungs", true, true, 0.6), 0.5),
      with_iou(score("after", "1", "rib", "ribs", true, false, 0.4), 0.2),
      score("after", "2", "rib", "ribs", false, true, 0.0),  // an absent prompt that fired: a Dice of 0 that must not count
      score("after", "2", "", "left femur", false, false, 1.0),
      score("shuffled", "1", "lung", "lungs", true, true, 0.2),
      score("shuffled", "1", "rib", "ribs", true, true, 0.1)};
  record.datasets["head"].scores = {score("before", "9", "brain", "brain", true, true, 0.5),
                                    score("after", "9", "brain", "brain", true, true, 0.9),
                                    score("after", "9", "", "lungs", false, true, 0.0)};
  record.datasets["ape"].scores = {score("before", "5", "brain", "brain", true, true, 0.2),
                                   score("after", "5", "brain", "brain", true, true, 0.3),
                                   score("after", "5", "", "lungs", false, false, 1.0)};
  return record;
}

TEST(Summary, DiceIsTheMacroMeanOverPrompts) {
  const json summary = to_json(summarise(two_modalities()));
  // before: lungs (0.1 + 0.3) / 2 = 0.2, ribs 0.0, brain 0.5; after: lungs 0.7, ribs 0.4, brain 0.9
  EXPECT_NEAR(summary["internal"]["before"]["dice"].get<double>(), (0.2 + 0.0 + 0.5) / 3, 1e-12);
  EXPECT_NEAR(summary["internal"]["after"]["dice"].get<double>(), (0.7 + 0.4 + 0.9) / 3, 1e-12);
  EXPECT_NEAR(summary["internal"]["after"]["iou"].get<double>(), (0.6 + 0.2) / 2, 1e-12);  // brain has no IoU
  EXPECT_EQ(summary["internal"]["after"]["n"], 4);
  EXPECT_EQ(summary["internal"]["after"]["prompts"], 3);
  EXPECT_NEAR(summary["external"]["before"]["dice"].get<double>(), 0.2, 1e-12);
  EXPECT_NEAR(summary["external"]["after"]["dice"].get<double>(), 0.3, 1e-12);
}

TEST(Summary, AbsentPromptsCountOnlyInTheFiringRate) {
  const json summary = to_json(summarise(two_modalities()));
  EXPECT_EQ(summary["internal"]["before"]["off_prompt_rate"], 1.0);                            // ribs of item 2
  EXPECT_NEAR(summary["internal"]["after"]["off_prompt_rate"].get<double>(), 2.0 / 3, 1e-12);  // ribs and lungs of three
  EXPECT_EQ(summary["internal"]["after"]["off_prompt_n"], 3);
  EXPECT_TRUE(summary["external"]["before"]["off_prompt_rate"].is_null());
  EXPECT_EQ(summary["external"]["after"]["off_prompt_rate"], 0.0);
}

TEST(Summary, PromptsAndModalitiesAreInternalOnly) {
  const json summary = to_json(summarise(two_modalities()));
  const json& prompts = summary["prompts"];
  ASSERT_EQ(prompts.size(), 3U);
  EXPECT_EQ(prompts["lungs"]["n"], 2);
  EXPECT_NEAR(prompts["lungs"]["before"].get<double>(), 0.2, 1e-12);
  EXPECT_NEAR(prompts["lungs"]["after"].get<double>(), 0.7, 1e-12);
  EXPECT_NEAR(prompts["brain"]["after"].get<double>(), 0.9, 1e-12);
  EXPECT_EQ(prompts["ribs"]["missed"], 1);
  EXPECT_EQ(prompts["lungs"]["missed"], 0);
  const json& modalities = summary["per_modality"];
  ASSERT_EQ(modalities.size(), 2U);
  EXPECT_EQ(modalities["ct"]["n"], 3);
  EXPECT_NEAR(modalities["ct"]["before"].get<double>(), 0.1, 1e-12);
  EXPECT_NEAR(modalities["ct"]["after"].get<double>(), (0.7 + 0.4) / 2, 1e-12);
  EXPECT_NEAR(modalities["mri"]["after"].get<double>(), 0.9, 1e-12);
  EXPECT_NEAR(summary["per_dataset"]["ape"]["prompts"]["brain"]["after"].get<double>(), 0.3, 1e-12);
  EXPECT_EQ(summary["per_dataset"]["ape"]["role"], "external");
}

TEST(Summary, ShuffledPromptsAreComparedOnTheSameSamples) {
  const json shuffled = to_json(summarise(two_modalities()))["shuffled_prompts"];
  EXPECT_EQ(shuffled["n"], 2);
  EXPECT_NEAR(shuffled["after"].get<double>(), (0.8 + 0.4) / 2,
              1e-12);  // lungs of item 1 alone: item 2 had nothing to exchange
  EXPECT_NEAR(shuffled["shuffled"].get<double>(), (0.2 + 0.1) / 2, 1e-12);
}

TEST(Summary, OneTextOfTwoModalitiesIsTwoPrompts) {
  RunRecord record = two_modalities();
  record.datasets["head"].scores.push_back(score("after", "9", "lung", "lungs", true, true, 0.5));
  const json summary = to_json(summarise(record));
  EXPECT_FALSE(summary["prompts"].contains("lungs"));
  EXPECT_NEAR(summary["prompts"]["lungs (ct)"]["after"].get<double>(), 0.7, 1e-12);
  EXPECT_NEAR(summary["prompts"]["lungs (mri)"]["after"].get<double>(), 0.5, 1e-12);
  EXPECT_TRUE(summary["prompts"]["lungs (mri)"]["before"].is_null());
  EXPECT_NEAR(summary["internal"]["after"]["dice"].get<double>(), (0.7 + 0.4 + 0.9 + 0.5) / 4, 1e-12);
}

TEST(Summary, StatisticsWithoutSamplesAreNull) {
  RunRecord record;
  record.metrics["dice"] = {};
  const json summary = to_json(summarise(record));
  for (const char* role : {"internal", "external"}) {
    for (const char* stage : {"before", "after"}) {
      EXPECT_TRUE(summary[role][stage]["dice"].is_null());
      EXPECT_TRUE(summary[role][stage]["off_prompt_rate"].is_null());
      EXPECT_EQ(summary[role][stage]["n"], 0);
    }
  }
  EXPECT_TRUE(summary["prompts"].is_object());
  EXPECT_TRUE(summary["prompts"].empty());
  EXPECT_TRUE(summary["seconds"].is_null());
  EXPECT_TRUE(summary["shuffled_prompts"]["shuffled"].is_null());
}

TEST(Summary, SaysWhatTheRunWas) {
  const json summary = to_json(summarise(two_modalities()));
  EXPECT_EQ(summary["name"], "demo");
  EXPECT_EQ(summary["identity"], "0123");
  EXPECT_EQ(summary["seed"], 3);
  EXPECT_EQ(summary["finished"], false);
  EXPECT_EQ(summary["seconds"], 61.0);
  EXPECT_EQ(summary["caveat"], "unknown which subjects trained and which were held out: the result does not say");
}

// A record with a distance in mm beside Dice.
RunRecord with_distance() {
  RunRecord record = two_modalities();
  MetricInfo distance;
  distance.unit = "mm";
  distance.higher_is_better = false;
  distance.highest = std::numeric_limits<double>::infinity();
  distance.definition = "boundary distance = mean over both boundaries";
  record.metrics["assd"] = distance;
  auto& rows = record.datasets["ct"].scores;
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].metrics["assd"] = static_cast<double>(i + 1);
  rows[5].metrics.erase("assd");  // after, item 2, lungs: undefined
  return record;
}

TEST(Summary, AMetricOfAnotherUnitIsShownLikeTheHeadline) {
  const json summary = to_json(summarise(with_distance(), "dice"));
  EXPECT_EQ(summary["headline"], "dice");
  EXPECT_EQ(summary["metrics"]["assd"]["unit"], "mm");
  EXPECT_EQ(summary["metrics"]["assd"]["higher_is_better"], false);
  EXPECT_TRUE(summary["metrics"]["assd"]["highest"].is_null());
  EXPECT_EQ(summary["internal"]["before"]["assd"], ((1.0 + 2.0) / 2 + 3.0) / 2);
  EXPECT_EQ(summary["internal"]["after"]["assd"], (5.0 + 7.0) / 2);  // lungs of item 2 are left out
  EXPECT_EQ(summary["internal"]["after"]["undefined"]["assd"], 2);   // and the brain has none
  EXPECT_TRUE(summary["internal"]["after"].contains("assd_merged"));
  EXPECT_FALSE(summary["internal"]["after"].contains("iou_merged"));
  EXPECT_EQ(summary["prompts"]["lungs"]["assd_before"], 1.5);
  EXPECT_EQ(summary["prompts"]["lungs"]["assd_after"], 5.0);
  EXPECT_EQ(summary["prompts"]["lungs"]["iou_after"], 0.6);
  EXPECT_FALSE(summary["prompts"]["lungs"].contains("iou_before"));
  EXPECT_EQ(summary["per_modality"]["ct"]["assd_before"], 2.25);
  EXPECT_EQ(summary["shuffled_prompts"]["assd_shuffled"], (10.0 + 11.0) / 2);
}

TEST(Summary, AnyMetricCanBeTheHeadline) {
  const Summary summary = summarise(with_distance(), "assd");
  EXPECT_EQ(summary.headline(), "assd");
  EXPECT_EQ(summary.metrics.front().title, "boundary distance");
  EXPECT_EQ(to_json(summary)["prompts"]["lungs"]["before"], 1.5);
  EXPECT_NEAR(to_json(summary)["prompts"]["lungs"]["dice_before"].get<double>(), 0.2, 1e-12);
  EXPECT_EQ(summarise(two_modalities(), "assd").headline(), "dice");  // it has none: the first by name
  RunRecord alone = with_distance();
  alone.metrics.erase("dice");
  alone.metrics.erase("iou");
  EXPECT_EQ(summarise(alone, "dice").headline(), "assd");
  EXPECT_FALSE(to_json(summarise(alone, "dice"))["internal"]["after"].contains("dice"));
}

TEST(Summary, ValuesBecomeOneAsTheMetricSays) {
  const RunRecord record = with_distance();
  const auto lungs = by_prompt(rows_of(record, "after", "internal")).at({"ct", "lungs"});
  MetricInfo info;
  EXPECT_EQ(value_of(lungs, "assd", info), 5.0);
  info.undefined_counts = 100.0;
  EXPECT_EQ(value_of(lungs, "assd", info), 52.5);
  info.aggregate = MetricInfo::Aggregate::sum;
  EXPECT_EQ(value_of(lungs, "assd", info), 105.0);
  info = {};
  info.aggregate = MetricInfo::Aggregate::median;
  const auto ct = by_prompt(rows_of(record, "before", "internal"));
  EXPECT_EQ(value_of(ct.at({"ct", "lungs"}), "assd", info), 1.5);
  EXPECT_EQ(value_of(ct.at({"mri", "brain"}), "assd", info), std::nullopt);
  ScoreRow one, two, ten;
  one.metrics["x"] = 1.0, two.metrics["x"] = 2.0, ten.metrics["x"] = 10.0;
  EXPECT_EQ(value_of({&ten, &one, &two}, "x", info), 2.0);
}

TEST(Summary, CountsTheSubjectsOfADataset) {
  RunRecord record = test::sample_record();
  const json entry = to_json(summarise(record))["per_dataset"]["ct"];
  EXPECT_EQ(entry["split_mode"], "block");
  EXPECT_EQ(entry["subjects"], (json{{"train", 1}, {"held_out", 1}, {"shared", 1}}));
  record.datasets["ct"].split_mode = "";
  EXPECT_FALSE(to_json(summarise(record))["per_dataset"]["ct"].contains("subjects"));
}

TEST(Summary, CostIsSummedAndWhatTheMachineDoesNotTellIsNull) {
  auto record = test::sample_record();
  const json cost = to_json(summarise(record))["cost"];
  EXPECT_EQ(cost["steps"], 2);
  EXPECT_EQ(cost["step_seconds"], 1.0);
  EXPECT_EQ(cost["joules"], 61.0);
  EXPECT_EQ(cost["flops"], 3e9);
  EXPECT_EQ(cost["peak_memory_mib"], 513.0);
  EXPECT_EQ(cost["device_memory_mib"], 65.0);
  EXPECT_EQ(cost["trainable_parameters"], 10);
  record.steps[1] = {};
  EXPECT_FALSE(summarise(record).cost.joules.has_value());  // one step without a reading: no sum
  record.steps.clear();
  EXPECT_FALSE(summarise(record).cost.flops.has_value());
  EXPECT_FALSE(summarise(record).cost.device_memory_mib.has_value());
}

}  // namespace
}  // namespace sam3lab::summary_test
