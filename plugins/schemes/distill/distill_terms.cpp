#include "plugins/schemes/distill/distill_terms.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <ATen/ATen.h>

#include "plugins/schemes/distill/distill_scheme.h"
#include "plugins/losses/shared/mask_terms.h"

namespace sam3lab::schemes::distill {
namespace {

// Resizes maps [N, C, h, w]: by means to a smaller size, bilinearly to a larger one.
at::Tensor resized(const at::Tensor& map, std::int64_t height, std::int64_t width) {
  if (map.size(2) == height && map.size(3) == width) return map;
  if (map.size(2) >= height && map.size(3) >= width) return at::adaptive_avg_pool2d(map, {height, width});
  return at::upsample_bilinear2d(map, {height, width}, false);
}

at::Tensor normalised(const at::Tensor& feature) { return at::layer_norm(feature, {feature.size(-1)}, {}, {}, 1e-5); }

}  // namespace

Teacher::Teacher(std::shared_ptr<Backbone> model) : model_(std::move(model)) {
  freeze(*model_);
  model_->train(false);
}

Outputs Teacher::answer(const Batch& batch) {
  const at::NoGradGuard no_grad;
  Batch asked = batch;
  asked.targets = {};
  const std::int64_t side = model_->image_size();
  asked.images = resized(batch.images, side, side);
  const std::lock_guard lock(busy_);
  return model_->forward(asked);
}

const at::Tensor& feature_of(const Outputs& outputs, const std::string& name) {
  const auto found = outputs.extras.find(name);
  if (found != outputs.extras.end()) return found->second;
  std::string known;
  for (const auto& [other, tensor] : outputs.extras) known += (known.empty() ? "" : ", ") + other;
  throw UsageError(Fault{"[scheme] features", "the backbone does not give '" + name + "'", "", known, ""});
}

at::Tensor channels_last(const at::Tensor& feature) { return feature.dim() == 4 ? feature.permute({0, 2, 3, 1}) : feature; }

at::Tensor feature_term(const at::Tensor& student, const at::Tensor& teacher, const Projection* projection) {
  at::Tensor own = channels_last(student.to(at::kFloat));
  if (projection != nullptr) own = at::linear(own, projection->weight, projection->bias);
  const bool maps = student.dim() == 4 && teacher.dim() == 4;
  const at::Tensor told =
      channels_last(maps ? resized(teacher.to(at::kFloat), student.size(2), student.size(3)) : teacher.to(at::kFloat));
  if (own.sizes() != told.sizes()) {
    throw UsageError(Fault{"[scheme] features", "student and teacher differ in more than width", c10::str(own.sizes()),
                           c10::str(told.sizes()), "choose maps, or features of one vector a prompt"});
  }
  return at::mse_loss(normalised(own), normalised(told));
}

at::Tensor logit_term(const at::Tensor& student, const at::Tensor& teacher, double temperature, const at::Tensor& ignored) {
  at::Tensor own = student.to(at::kFloat) / temperature, told = teacher.to(at::kFloat) / temperature;
  if (ignored.defined()) {  // two logits of 0 have no difference and no gradient
    own = own.masked_fill(ignored, 0.0);
    told = told.masked_fill(ignored, 0.0);
  }
  const at::Tensor p = told.sigmoid();
  const auto log_difference = [](const at::Tensor& a, const at::Tensor& b) { return at::log_sigmoid(a) - at::log_sigmoid(b); };
  const at::Tensor divergence = p * log_difference(told, own) + (1 - p) * log_difference(-told, -own);
  if (ignored.defined()) return divergence.sum() / ignored.logical_not().sum().clamp_min(1) * (temperature * temperature);
  return divergence.mean() * (temperature * temperature);
}

at::Tensor score_term(const at::Tensor& student, const at::Tensor& teacher) {
  const std::int64_t k = std::min(student.size(1), teacher.size(1));
  const auto highest = [k](const at::Tensor& logits) {
    return std::get<0>(at::topk(logits.to(at::kFloat).flatten(1).sigmoid(), k, 1, /*largest=*/true, /*sorted=*/true));
  };
  return at::mse_loss(highest(student), highest(teacher));
}

std::vector<LossTerm> distill_terms(const Outputs& student, const Outputs& teacher, const Projections& projections,
                                    const DistillOptions& options, const at::Tensor& ignore) {
  std::vector<LossTerm> terms;
  at::Tensor sum;
  for (const auto& name : options.features) {
    const auto projection = projections.find(name);
    const at::Tensor term = feature_term(feature_of(student, name), feature_of(teacher, name),
                                         projection == projections.end() ? nullptr : &projection->second);
    sum = sum.defined() ? sum + term : term;
  }
  if (sum.defined()) terms.push_back({"distill_feature", sum / static_cast<double>(options.features.size()), options.feature});
  if (student.last.presence.defined() && teacher.last.presence.defined())
    terms.push_back(
        {"distill_presence", logit_term(student.last.presence, teacher.last.presence, options.temperature), options.presence});
  if (student.semantic.defined() && teacher.semantic.defined()) {
    const at::Tensor told = resized(teacher.semantic.to(at::kFloat), student.semantic.size(2), student.semantic.size(3));
    at::Tensor ignored;
    if (ignore.defined())
      ignored = losses::shrunk_ignore(ignore.to(told.device()), told.size(2), told.size(3)).unsqueeze(1).expand_as(told);
    terms.push_back({"distill_semantic", logit_term(student.semantic, told, options.temperature, ignored), options.semantic});
  }
  terms.push_back(
      {"distill_scores", score_term(student.last.one_to_one.logits, teacher.last.one_to_one.logits), options.scores});
  return terms;
}

}  // namespace sam3lab::schemes::distill
