#include "core/train/model.h"

#include <fcntl.h>

#include <memory>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/base/open_file.h"
#include "core/base/sha256.h"
#include "core/tensor/caching_allocator.h"
#include "core/tensor/load_into.h"
#include "core/tensor/torch_file.h"

namespace sam3lab {
namespace {

void share_weights(Backbone& from, Backbone& to) {
  const at::NoGradGuard no_grad;
  const auto source = from.parameters();
  const auto target = to.parameters();
  for (std::size_t i = 0; i < source.size(); ++i) target[i].second.set_data(source[i].second);
  const auto source_buffers = from.buffers();
  const auto target_buffers = to.buffers();
  for (std::size_t i = 0; i < source_buffers.size(); ++i) target_buffers[i].second.copy_(source_buffers[i].second);
}

// Of a value of train.memory, which its schema has checked.
MemoryPolicy memory_policy(const std::string& name) {
  if (name == "fast") return MemoryPolicy::fast;
  if (name == "disk") return MemoryPolicy::disk;
  return name == "lean" ? MemoryPolicy::lean : MemoryPolicy::exact;
}

}  // namespace

std::string load_weights(Backbone& model, const CheckpointOptions& options) {
  const auto file = read_checkpoint(options.load);
  const auto layouts = model.checkpoint_layouts();
  const auto named = own_names(layouts.get(), file.tensors, options.load);
  auto live = model.parameters();
  for (auto& buffer : model.buffers()) live.push_back(buffer);
  const at::NoGradGuard no_grad;
  const auto report = load_into(live, named, layouts.get());
  refuse_what_does_not_fit(report, options.load, options.allow_missing);
  return report.text();
}

Model make_model(const Experiment& experiment, const Registry& registry, std::uint64_t seed, std::int64_t replicas,
                 c10::Device device) {
  use_caching_allocator();
  Model model;
  for (std::int64_t i = 0; i < replicas; ++i) {
    model.replicas.push_back(registry.make<Backbone>(experiment.backbone));
    model.activations = model.replicas.back()->use_memory_policy(memory_policy(experiment.train.memory));
  }
  model.replicas.front()->initialise(seed);
  if (!experiment.checkpoint.load.empty()) model.load_report = load_weights(*model.replicas.front(), experiment.checkpoint);
  if (!device.is_cpu()) {
    for (const auto& replica : model.replicas) replica->move(device);
  }
  for (std::size_t i = 1; i < model.replicas.size(); ++i) share_weights(*model.replicas.front(), *model.replicas[i]);
  for (const auto& [name, parameter] : model.replicas.front()->parameters()) model.parameters += parameter.numel();
  return model;
}

std::string file_sha256(const std::string& path) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw DataError(Fault{path, "cannot be opened", "", "a readable file", ""});
  Sha256 digest;
  if (!digest.add(file)) throw DataError(Fault{path, "cannot be read", "", "a readable file", ""});
  return hex_of(digest.end());
}

}  // namespace sam3lab
