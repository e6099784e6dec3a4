// Samples for tests of a training step.
#pragma once
#include <vector>

#include <torch/types.h>

#include "core/data/sample.h"

namespace sam3lab::test {

// Image i with i targets in one of its two queries, so that every normaliser differs between images.
inline std::vector<Sample> two_query_samples(std::int64_t count, std::int64_t side) {
  at::manual_seed(5);
  std::vector<Sample> all;
  for (std::int64_t i = 0; i < count; ++i) {
    Sample sample;
    sample.image = at::randint(0, 256, {3, side, side}, at::kByte);
    auto masks = at::zeros({i, side, side}, at::kBool);
    for (std::int64_t m = 0; m < i; ++m) masks[m].narrow(0, 8 * m, 12).narrow(1, 10, 20).fill_(true);
    sample.queries = {{"lung", "lung", i > 0}, {"rib", "rib", false}};
    sample.masks = {masks, at::zeros({0, side, side}, at::kBool)};
    all.push_back(sample);
  }
  return all;
}

}  // namespace sam3lab::test
