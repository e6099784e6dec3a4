// A small result with every kind of content, for tests of the record.
#pragma once
#include <limits>

#include "core/record/run_record.h"

namespace sam3lab::test {

inline ScoreRow score(const std::string& stage, const std::string& item, const std::string& label, const std::string& prompt,
                      bool present, bool fired, double dice) {
  ScoreRow row{stage, item, label, prompt, present, fired ? 0.9 : 0.1, fired, present ? 100 : 0, fired ? 90 : 0, {}};
  row.metrics["dice"] = dice;
  return row;
}

inline RunRecord sample_record() {
  RunRecord record;
  record.name = "demo";
  record.identity = "0123456789abcdef";
  record.code_version = "abc (clean)";
  record.resolved_toml = "name = \"demo\"\n# µ-scale comment\n";
  record.source_toml = "extends = \"base.toml\"\r\n";
  record.protocol = "strict, threshold 0.5";
  record.checkpoint_sha256 = "";
  record.seed = 7;
  record.parameters = 1000;
  record.trainable_parameters = 10;
  record.environment = {{"compiler", "g++ 12.2"}, {"started", "2024-01-01T00:00:00Z"}, {"cpu/model", "x86"}};
  record.metrics["dice"].definition = "2|A n B| / (|A| + |B|)";
  record.metrics["dice"].empty_rule = "both empty: 1";
  record.metrics["iou"].definition = "|A n B| / |A u B|";
  MetricInfo& distance = record.metrics["distance"];
  distance.unit = "mm";
  distance.higher_is_better = false;
  distance.highest = std::numeric_limits<double>::infinity();
  distance.scope = MetricInfo::Scope::volume;
  distance.aggregate = MetricInfo::Aggregate::median;
  distance.undefined_counts = 100.0;
  record.plugins = {{"loss", "box", "loss_box.so", "0.1.0", "stamp"}, {"metric", "dice", "metric_dice.so", "0.1.0", "stamp"}};
  record.groups = {{"backbone.blocks.3", 1e-4, 0.1, 4, 9}, {"backbone.blocks.3.no_decay", 2e-4, 0.0, 1, 1}};
  record.steps = {{1, 3.5, 0.25, 0.5, 512.0, {{"loss_bbox", 1.0}, {"loss_bbox_aux_0", 2.5}}, 0.5, 30.0, 64.0, 1e9},
                  {2, 2.5, 0.125, 0.5, 513.0, {{"loss_bbox", 0.5}}, 1.0, 31.0, 65.0, 2e9}};
  record.seconds = {{"total", 12.5}, {"train", 10.0}};
  DatasetRecord& ct = record.datasets["ct"];
  ct = {"ct", "internal", "feed", {"lung", "rib"}, {"a/1", "a/2"}, {"a/9"}, {"a/5"}, {{"data/ct.nrrd", "00ff"}}, {}};
  ct.scores = {score("after", "a/9", "lung", "both lungs", true, true, 0.75),
               score("after", "a/9", "rib", "ribs", false, false, 0.0)};
  ct.scores.front().metrics["iou"] = 0.6;
  ct.scores.front().subject = "patient 1";
  ct.scores.front().volume = "a";
  ct.scores.front().slice_position = 9.0;
  ct.split_mode = "block";
  ct.train_subjects = ct.held_out_subjects = {"a"};
  record.datasets["ape"] = {"mri", "external", "", {}, {}, {}, {}, {}, {}};
  record.finished = true;
  return record;
}

}  // namespace sam3lab::test
