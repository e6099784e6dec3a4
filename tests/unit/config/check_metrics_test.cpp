#include "core/config/check_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sam3lab::check_metrics_test {
namespace {

using testing::HasSubstr;

Experiment with_metrics(const std::vector<std::string>& names) {
  Experiment experiment;
  for (const auto& name : names) experiment.metrics[name] = {"metric", name, "iou", {}, "a.toml:7"};
  return experiment;
}

std::string only_fault(const Experiment& experiment) {
  const auto faults = metric_faults(experiment, "a.toml");
  EXPECT_EQ(faults.size(), 1U);
  return faults.empty() ? "" : faults.front().text();
}

TEST(CheckMetrics, RefusesNamesOfNoMetric) {
  auto experiment = with_metrics({"distance", "iou"});
  EXPECT_TRUE(metric_faults(experiment, "a.toml").empty());
  experiment.train.best_metric = "distanc";
  EXPECT_THAT(only_fault(experiment),
              HasSubstr("train.best_metric names no metric of the experiment; got distanc, expected one "
                        "of: distance, iou; did you mean 'distance'"));
  experiment.train.best_metric = "distance";
  experiment.evaluate.overlay_metric = "dice";
  EXPECT_THAT(only_fault(experiment), HasSubstr("evaluate.overlay_metric names no metric of the experiment; got dice"));
}

TEST(CheckMetrics, RefusesNamesOfOtherColumns) {
  EXPECT_THAT(only_fault(with_metrics({"subject"})), HasSubstr("a.toml:7: a metric cannot have the name of another column"));
  EXPECT_THAT(only_fault(with_metrics({"iou", "iou_merged"})), HasSubstr("the name of a column of metric iou; got iou_merged"));
  EXPECT_TRUE(metric_faults(with_metrics({"iou_merged"}), "a.toml").empty()) << "nothing else has that name";
}

TEST(CheckMetrics, PrimaryMetric) {
  auto experiment = with_metrics({"iou", "distance"});
  EXPECT_EQ(overlay_metric(experiment), "distance") << "the first by name";
  experiment.train.best_metric = "iou";
  EXPECT_EQ(overlay_metric(experiment), "iou");
  experiment.evaluate.overlay_metric = "distance";
  EXPECT_EQ(overlay_metric(experiment), "distance");
  EXPECT_EQ(overlay_metric({}), "");
}

}  // namespace
}  // namespace sam3lab::check_metrics_test
