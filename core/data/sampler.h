// The order in which training images are drawn: a dataset by its sampling weight, then its next image; each image of a dataset
// comes once before any comes again. Deterministic in the seed.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/random.h>

#include "core/data/pool.h"

namespace sam3lab {

class Sampler {
 public:
  Sampler(const Pool& pool, std::uint64_t seed);
  struct Draw {
    std::size_t dataset = 0;
    std::int64_t item = 0;
    std::int64_t before = 0;  // how often this item was drawn before
  };
  Draw next();

 private:
  struct Source {
    std::size_t dataset;
    double weight;
    std::vector<std::int64_t> items;
    std::size_t cursor;
    std::int64_t rounds = 0;  // begun
  };
  std::vector<Source> sources_;
  double total_ = 0.0;
  Random random_;
};

}  // namespace sam3lab
