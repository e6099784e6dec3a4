#include "core/data/sampler.h"

#include <sam3lab/api/error.h>

namespace sam3lab {

Sampler::Sampler(const Pool& pool, std::uint64_t seed) : random_(seed, "sampler") {
  for (std::size_t d = 0; d < pool.datasets().size(); ++d) {
    const auto& dataset = pool.datasets()[d];
    if (dataset.common.role != "internal" || dataset.common.sampling_weight <= 0.0 || dataset.split.train.empty()) continue;
    sources_.push_back({d, dataset.common.sampling_weight, dataset.split.train, dataset.split.train.size()});
    total_ += dataset.common.sampling_weight;
  }
  if (sources_.empty()) {
    throw DataError(Fault{"[dataset.*]", "nothing to train on", "no internal dataset with a sampling weight above 0",
                          "at least one", "set role = \"internal\" and sampling_weight"});
  }
}

Sampler::Draw Sampler::next() {
  double at = random_.uniform() * total_;
  auto source = sources_.begin();
  while (std::next(source) != sources_.end() && at >= source->weight) at -= (source++)->weight;
  if (source->cursor == source->items.size()) {
    random_.shuffle(source->items);
    source->cursor = 0;
    ++source->rounds;
  }
  return {source->dataset, source->items[source->cursor++], source->rounds - 1};
}

}  // namespace sam3lab
