// Divides the images of a step into shards, one per replica of the model, and a shard into micro-batches.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/batch.h>

#include "core/data/sample.h"

namespace sam3lab {

class Ranks;

// What one replica computes in a step.
struct Shard {
  Batch whole;                       // without texts if this replica has nothing to do
  std::vector<Batch> micro_batches;  // together `whole`, in its order; empty if it goes through the model at once
  [[nodiscard]] bool empty() const { return whole.texts.empty(); }
};

// Sample i goes to replica i mod `replicas`; samples without queries are left out. A replica gets at most `accumulate`
// micro-batches, each with at least one image.
std::vector<Shard> make_shards(std::vector<Sample> samples, std::size_t replicas, std::int64_t accumulate);

// The number that losses are divided by: targets in the step, averaged over the replicas of all ranks; at least 1.
double boxes_per_replica(const std::vector<Shard>& shards, const Ranks* ranks = nullptr);

}  // namespace sam3lab
