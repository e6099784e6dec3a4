// The order in which training images are drawn: a dataset by its sampling weight, then its next image; each image of a dataset
// comes once before any comes again. Deterministic in the seed.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include <sam3lab/api/random.h>

#include "core/train/pool.h"

namespace sam3lab {

class Sampler {
 public:
  Sampler(const Pool& pool, std::uint64_t seed);
  // {dataset, item}
  std::pair<std::size_t, std::int64_t> next();

 private:
  struct Source {
    std::size_t dataset;
    double weight;
    std::vector<std::int64_t> items;
    std::size_t cursor;
  };
  std::vector<Source> sources_;
  double total_ = 0.0;
  Random random_;
};

}  // namespace sam3lab
