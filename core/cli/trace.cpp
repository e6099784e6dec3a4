// sam3lab trace CASE --out FILE [--steps N]
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "core/cli/arguments.h"
#include "core/registry/registry.h"
#include "core/tensor/device.h"
#include "core/tensor/safetensors.h"
#include "core/train/trace.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

// What reference cases are computed with where the call says nothing else: the losses of the published segmentation recipe,
// with the plugins' defaults.
const std::vector<std::string> usual_losses = {"box", "classification_presence", "instance_mask", "semantic_mask"};

PluginChoice choice(std::string_view slot, const std::string& name, OptionValues options = {}) {
  return {std::string(slot), name, name, std::move(options), "sam3lab trace"};
}

// `name` empty: the first backbone there is.
const Offer& find_backbone(const Registry& registry, std::string name) {
  const auto slot = registry.catalogue().find(std::string(Backbone::slot));
  if (name.empty() && slot != registry.catalogue().end() && !slot->second.empty()) name = slot->second.begin()->first;
  const auto* offer = registry.offer(Backbone::slot, name);
  if (offer == nullptr)
    throw UsageError(unknown_plugin(registry.catalogue(), "sam3lab trace", std::string(Backbone::slot), name));
  return *offer;
}

int run_trace(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("case", po::value<std::string>()->required(),
                        "folder with model.json, checkpoint.pt and batch.safetensors")(
      "out", po::value<std::string>()->required(), ".safetensors file to write")(
      "steps", po::value<std::int64_t>()->default_value(1), "training steps; 0: the forward pass alone")(
      "threads", po::value<int>()->default_value(1), "threads of LibTorch")(
      "device", po::value<std::string>()->default_value("cpu"), "auto, cpu, cuda or cuda:N")(
      "backbone", po::value<std::string>()->default_value(""), "whose model; default: the first of `sam3lab list backbone`")(
      "loss", po::value<std::vector<std::string>>()->composing()->default_value(usual_losses, "the published recipe's"),
      "a loss of the training steps, repeatable")("matcher", po::value<std::string>()->default_value("hungarian"),
                                                  "one-to-one matcher of the training steps")(
      "one-to-many", po::value<std::string>()->default_value("one_to_many"), "one-to-many matcher of the training steps");
  po::positional_options_description positions;
  positions.add("case", 1);
  const auto values = parse_arguments(trace_command, arguments, options, positions);
  if (!values) return 0;
  const auto steps = (*values)["steps"].as<std::int64_t>();
  const auto threads = (*values)["threads"].as<int>();
  if (steps < 0 || threads < 1) {
    throw UsageError(Fault{"sam3lab trace", "--steps or --threads is out of range", "",
                           "--steps of at least 0, --threads of at least 1", ""});
  }
  const auto device = choose_device((*values)["device"].as<std::string>(), "--device").device;
  at::set_num_threads(threads);
  const auto& registry = context.registry();
  const auto& backbone = find_backbone(registry, (*values)["backbone"].as<std::string>());
  auto trace_case = read_trace_case((*values)["case"].as<std::string>(), backbone.schema);
  auto model_options = backbone.without_chance;  // two implementations cannot agree on chance
  model_options.insert(trace_case.sizes.begin(), trace_case.sizes.end());
  const auto model = registry.make<Backbone>(choice(Backbone::slot, backbone.name, model_options));
  if (!device.is_cpu()) model->move(device);
  std::vector<std::shared_ptr<Loss>> losses;
  for (const auto& name : (*values)["loss"].as<std::vector<std::string>>())
    losses.push_back(registry.make<Loss>(choice(Loss::slot, name)));
  const Criterion criterion({}, registry.make<Matcher>(choice(Matcher::slot, (*values)["matcher"].as<std::string>())),
                            registry.make<Matcher>(choice(Matcher::slot, (*values)["one-to-many"].as<std::string>())), losses);
  const auto result = trace(trace_case, *model, criterion, steps);
  const auto out = (*values)["out"].as<std::string>();
  write_safetensors(out, result);
  const auto loss = result.find("loss.core_loss");
  std::cout << "tensors=" << result.size();
  if (loss != result.end()) std::cout << " total_loss=" << loss->second.item<double>();
  std::cout << "\n";
  return 0;
}

}  // namespace

extern const Command trace_command = {"trace", "forward pass and training steps of a parity case, tensor by tensor",
                                      "trace CASE --out FILE [--steps N] [--threads N] [--backbone NAME]", run_trace};

}  // namespace sam3lab
