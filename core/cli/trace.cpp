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

// What reference cases are computed with: the losses of the published segmentation recipe, which are the plugins' defaults.
constexpr const char* backbone_name = "sam3";
const std::vector<std::string> loss_names = {"box", "classification_presence", "instance_mask", "semantic_mask"};

const Schema& backbone_schema(const Registry& registry) {
  const auto slot = registry.catalogue().find("backbone");
  if (slot == registry.catalogue().end() || slot->second.count(backbone_name) == 0) {
    throw UsageError(unknown_plugin(registry.catalogue(), "sam3lab trace", "backbone", backbone_name));
  }
  return slot->second.at(backbone_name).schema;
}

PluginChoice choice(std::string_view slot, const std::string& name, OptionValues options = {}) {
  return {std::string(slot), name, name, std::move(options), "sam3lab trace"};
}

int run_trace(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("case", po::value<std::string>()->required(),
                        "folder with model.json, checkpoint.pt and batch.safetensors")(
      "out", po::value<std::string>()->required(), ".safetensors file to write")(
      "steps", po::value<std::int64_t>()->default_value(1), "training steps; 0: the forward pass alone")(
      "threads", po::value<int>()->default_value(1), "threads of LibTorch")(
      "device", po::value<std::string>()->default_value("cpu"), "auto, cpu, cuda or cuda:N");
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
  auto trace_case = read_trace_case((*values)["case"].as<std::string>(), backbone_schema(registry));
  auto sizes = trace_case.sizes;
  sizes["dropout"] = 0.0;  // two implementations cannot agree on chance
  sizes["drop_path"] = 0.0;
  const auto model = registry.make<Backbone>(choice(Backbone::slot, backbone_name, sizes));
  if (!device.is_cpu()) model->move(device);
  std::vector<std::shared_ptr<Loss>> losses;
  for (const auto& name : loss_names) losses.push_back(registry.make<Loss>(choice(Loss::slot, name)));
  const Criterion criterion({}, registry.make<Matcher>(choice(Matcher::slot, "hungarian")),
                            registry.make<Matcher>(choice(Matcher::slot, "one_to_many")), losses);
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
                                      "trace CASE --out FILE [--steps N] [--threads N]", run_trace};

}  // namespace sam3lab
