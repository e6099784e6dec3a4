#include "core/train/shard.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "core/distributed/ranks.h"

namespace sam3lab {
namespace {

std::vector<Batch> split(const std::vector<Sample>& samples, std::int64_t accumulate) {
  std::vector<Batch> parts;
  const auto n = static_cast<std::int64_t>(samples.size());
  if (accumulate == 1 || n < 2) return parts;
  for (std::int64_t p = 0; p < accumulate; ++p) {
    const auto begin = n * p / accumulate, end = n * (p + 1) / accumulate;
    if (begin < end) parts.push_back(collate({samples.begin() + begin, samples.begin() + end}));
  }
  return parts;
}

}  // namespace

std::vector<Shard> make_shards(std::vector<Sample> samples, std::size_t replicas, std::int64_t accumulate) {
  std::vector<std::vector<Sample>> dealt(replicas);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (!samples[i].queries.empty()) dealt[i % replicas].push_back(std::move(samples[i]));
  }
  std::vector<Shard> shards(replicas);
  for (std::size_t c = 0; c < replicas; ++c) {
    if (dealt[c].empty()) continue;
    shards[c].whole = collate(dealt[c]);
    shards[c].micro_batches = split(dealt[c], accumulate);
  }
  return shards;
}

double boxes_per_replica(const std::vector<Shard>& shards, const Ranks* ranks) {
  double boxes = 0.0;
  for (const auto& shard : shards) {
    if (!shard.empty()) boxes += shard.whole.targets.num_boxes.sum().item<double>();
  }
  if (ranks != nullptr) {
    const auto all = at::full({1}, boxes, at::kDouble);
    ranks->sum({all});
    boxes = all.item<double>();
  }
  return std::max(1.0, boxes / static_cast<double>(shards.size() * static_cast<std::size_t>(size_of(ranks))));
}

}  // namespace sam3lab
