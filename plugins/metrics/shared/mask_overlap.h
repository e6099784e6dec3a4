// How far two binary masks agree. All scores made from it have one rule for empty masks: both empty is full agreement, 1;
// exactly one empty is no agreement, 0.
#pragma once
#include <cstdint>

#include <sam3lab/api/metric.h>

namespace sam3lab::metrics {

struct MaskOverlap {
  std::int64_t prediction = 0, truth = 0, both = 0;  // pixels

  [[nodiscard]] double dice() const;  // 2 |P and T| / (|P| + |T|)
  [[nodiscard]] double iou() const;   // |P and T| / |P or T|
};

// Throws DataError if the masks differ in size.
MaskOverlap overlap_of(const MetricInput& input);

// What Dice and IoU have in common: a pure number in 0..1, higher is better, defined for every pair. No definition yet.
MetricInfo overlap_info();

}  // namespace sam3lab::metrics
