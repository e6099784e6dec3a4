#include "plugins/backbones/sam3/model/initialise.h"

#include <cmath>
#include <string>
#include <string_view>
#include <unordered_map>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <sam3lab/api/random.h>

namespace sam3lab::sam3 {

namespace {

enum class Kind { zero, one, normal, uniform };
struct Start {
  Kind kind = Kind::zero;
  double size = 0.0;  // standard deviation, or the bound of a symmetric interval
};

bool holds(std::string_view name, std::string_view part) { return name.find(part) != std::string_view::npos; }
bool ends(std::string_view name, std::string_view part) { return name.ends_with(part); }

double fan_in(const at::Tensor& weight) { return static_cast<double>(weight.numel() / weight.size(0)); }

// The default of torch.nn for linear layers and convolutions: Kaiming with a = sqrt(5), which gives this bound. For transposed
// convolutions, too, torch uses the second dimension as "in".
Start by_fan_in(const at::Tensor& weight) { return {Kind::uniform, 1.0 / std::sqrt(fan_in(weight))}; }

Start xavier(const at::Tensor& weight) {
  const double area = fan_in(weight) / static_cast<double>(weight.size(1));
  const double both = static_cast<double>(weight.size(0) + weight.size(1)) * area;
  return {Kind::uniform, std::sqrt(6.0 / both)};
}

// The published 0.02 is for a width of 1024. With it, a narrower encoder adds little to its residual stream and learns late. So
// the deviation is inversely proportional to the square root of the width; at full size it is the published one.
double deviation_of_trunk(const NamedTensors& parameters) {
  for (const auto& [name, tensor] : parameters) {
    if (ends(name, "trunk.pos_embed")) return 0.02 * std::sqrt(1024.0 / static_cast<double>(tensor.size(-1)));
  }
  return 0.02;
}

// Tensors of two or more dimensions.
Start matrix(std::string_view name, const at::Tensor& weight, double trunk_deviation) {
  if (ends(name, "pos_embed")) return {Kind::normal, 0.02};
  if (holds(name, "trunk.blocks.")) return {Kind::normal, trunk_deviation};
  if (holds(name, "bbox_embed.layers.2.")) return {};  // at first, boxes are the learnt references
  if (holds(name, "bbox_embed.")) return by_fan_in(weight);
  if (ends(name, "query_embed.weight") || ends(name, "reference_points.weight")) return {Kind::normal, 1.0};
  if (name.starts_with("transformer.")) return xavier(weight);
  if (ends(name, "in_proj_weight")) return xavier(weight);
  if (ends(name, "token_embedding.weight") || ends(name, "_embed.weight")) return {Kind::normal, 1.0};
  // The package does not initialise these two, because it always loads them. These are the values of CLIP (arXiv 2103.00020).
  if (ends(name, "positional_embedding")) return {Kind::normal, 0.01};
  if (ends(name, "text_projection")) return {Kind::normal, 1.0 / std::sqrt(static_cast<double>(weight.size(0)))};
  return by_fan_in(weight);
}

// Biases, and scales of normalisations. `weight` is the tensor that belongs to a bias, or undefined.
Start vector(std::string_view name, const at::Tensor& weight) {
  if (ends(name, "weight")) return {Kind::one, 1.0};
  if (!weight.defined() || weight.dim() == 1) return {};  // attention's packed bias, normalisations
  if (holds(name, "trunk.blocks.") || ends(name, "out_proj.bias") || holds(name, "bbox_embed.layers.2.")) return {};
  return by_fan_in(weight);
}

void fill(at::Tensor tensor, const Start& start, std::uint64_t seed) {
  switch (start.kind) {
    case Kind::zero:
      tensor.zero_();
      return;
    case Kind::one:
      tensor.fill_(1.0);
      return;
    default:
      break;
  }
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  at::Tensor host = at::empty(tensor.sizes(), at::kFloat).uniform_(-1.0, 1.0, generator);
  if (start.kind == Kind::normal) {
    // Uses the inverse distribution function: unlike normal_(), it is the same on CPUs with and without wide vectors. A float32
    // draw can be exactly -1, whose inverse is infinite.
    host.clamp_(-1.0 + 1e-7, 1.0 - 1e-7).erfinv_().mul_(std::sqrt(2.0));
  }
  tensor.copy_(host.mul_(start.size));
}

}  // namespace

void initialise_weights(const NamedTensors& parameters, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  const std::unordered_map<std::string, at::Tensor> by_name(parameters.begin(), parameters.end());
  const double trunk_deviation = deviation_of_trunk(parameters);
  for (const auto& [name, tensor] : parameters) {
    at::Tensor weight;
    if (ends(name, ".bias")) {
      const auto found = by_name.find(name.substr(0, name.size() - 4) + "weight");
      if (found != by_name.end()) weight = found->second;
    }
    fill(tensor, tensor.dim() == 1 ? vector(name, weight) : matrix(name, tensor, trunk_deviation), Random(seed, name).next());
  }
}

}  // namespace sam3lab::sam3
