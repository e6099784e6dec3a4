// The model of an experiment, as one or several replicas that share their weights.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/backbone.h>

#include "core/config/experiment.h"
#include "core/registry/registry.h"

namespace sam3lab {

struct Model {
  // Replicas differ only in their gradients. Their weights are the same memory, so each can work on its shard of a batch in a
  // thread of its own.
  std::vector<std::shared_ptr<Backbone>> replicas;
  std::string load_report;      // empty without [checkpoint] load
  std::string activations;      // what training keeps of them (Backbone::use_memory_policy); empty: the backbone has no choice
  std::int64_t parameters = 0;  // elements, not tensors
};

// Seeded random weights, then [checkpoint] load over them. Throws DataError if the file does not fit: every parameter of the
// model must be in it, in its shape, unless allow_missing is set. All of it is made on the CPU, and then moved.
Model make_model(const Experiment& experiment, const Registry& registry, std::uint64_t seed, std::int64_t replicas,
                 c10::Device device = c10::Device(c10::kCPU));

// Copies a checkpoint into a model and returns the counts (LoadReport::text()). Throws DataError as make_model does.
std::string load_weights(Backbone& model, const CheckpointOptions& options);

// SHA-256 of a file, hex.
std::string file_sha256(const std::string& path);

}  // namespace sam3lab
