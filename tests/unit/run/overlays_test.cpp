#include "core/run/overlays.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/record_sample.h"

namespace sam3lab::overlays_test {
namespace {

using test::score;

// Items of one prompt in the order in which they are ranked.
std::vector<std::string> ranked(const DatasetRecord& dataset, const MetricInfo& info) {
  std::vector<std::string> items;
  const auto by_prompt = rank_cases(dataset, "m", info);
  if (by_prompt.contains("p")) {
    for (const auto& one : by_prompt.at("p")) items.push_back(one.row->item);
  }
  return items;
}

DatasetRecord dataset_of(const std::vector<std::pair<std::string, double>>& values) {
  DatasetRecord dataset;
  for (const auto& [item, value] : values) {
    dataset.scores.push_back(score("after", item, "l", "p", true, true, 0.5));
    dataset.scores.back().metrics["m"] = value;
  }
  return dataset;
}

TEST(RankCases, WorstFirstInTheDirectionOfTheMetric) {
  const auto dataset = dataset_of({{"a", 3.0}, {"b", 1.0}, {"c", 2.0}, {"d", 1.0}});
  MetricInfo info;
  EXPECT_THAT(ranked(dataset, info), testing::ElementsAre("b", "d", "c", "a"));
  info.higher_is_better = false;
  EXPECT_THAT(ranked(dataset, info), testing::ElementsAre("a", "c", "b", "d"));
}

TEST(RankCases, UndefinedValuesCountAsTheMetricSays) {
  auto dataset = dataset_of({{"a", 3.0}, {"b", 1.0}, {"c", 2.0}});
  dataset.scores[1].metrics.clear();
  MetricInfo info;
  info.higher_is_better = false;
  EXPECT_THAT(ranked(dataset, info), testing::ElementsAre("a", "c")) << "left out";
  info.undefined_counts = 100.0;
  EXPECT_THAT(ranked(dataset, info), testing::ElementsAre("b", "a", "c"));
}

TEST(RankCases, RowsAfterTrainingThatHaveATarget) {
  auto dataset = dataset_of({{"a", 3.0}, {"b", 1.0}, {"c", 2.0}});
  dataset.scores[0].stage = "before";
  dataset.scores[1].present = false;
  EXPECT_THAT(ranked(dataset, {}), testing::ElementsAre("c"));
}

}  // namespace
}  // namespace sam3lab::overlays_test
