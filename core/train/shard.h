// How the images of a step are dealt out: to the copies of the model, and within a copy to the parts that it works through one
// after another.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/batch.h>

#include "core/data/sample.h"

namespace sam3lab {

class Ranks;

// What one copy works on in a step.
struct Shard {
  Batch whole;               // no texts: this copy has nothing to do
  std::vector<Batch> parts;  // of accumulation: together `whole`, in its order; empty where it is worked through at once
  [[nodiscard]] bool empty() const { return whole.texts.empty(); }
};

// Sample i goes to copy i mod `copies`; those without queries are left out. A copy gets at most `accumulate` parts, each with
// an image in it.
std::vector<Shard> make_shards(std::vector<Sample> samples, std::size_t replicas, std::int64_t accumulate);

// What losses are divided by: targets of the step, averaged over the copies of all ranks; at least 1.
double boxes_per_copy(const std::vector<Shard>& shards, const Ranks* ranks = nullptr);

}  // namespace sam3lab
