#include "core/train/criterion.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

void refuse_too_many_targets(const Outputs& outputs, const Targets& targets) {
  const auto most = targets.num_boxes.numel() == 0 ? 0 : targets.num_boxes.max().item<std::int64_t>();
  const auto objects = outputs.last.one_to_one.logits.size(1);
  if (most > objects) {
    throw DataError(Fault{"training", "a prompt has more targets than the model has object queries", std::to_string(most),
                          "at most " + std::to_string(objects),
                          "cut the images into tiles, or give the backbone more object queries"});
  }
}

}  // namespace

Criterion::Criterion(const CriterionOptions& options, std::shared_ptr<Matcher> one_to_one, std::shared_ptr<Matcher> one_to_many,
                     std::vector<std::shared_ptr<Loss>> losses)
    : options_(options), one_to_one_(std::move(one_to_one)), one_to_many_(std::move(one_to_many)), losses_(std::move(losses)) {}

void Criterion::add_layer(const Outputs& outputs, const LayerOutputs& layer, const Targets& targets, double num_boxes,
                          std::optional<std::size_t> auxiliary, CriterionResult& result) const {
  const std::string suffix = auxiliary ? "_aux_" + std::to_string(*auxiliary) : "";
  const auto add = [&](const LossInput& input, bool once, double factor, const std::string& ending) {
    for (const auto& loss : losses_) {
      if (loss->once() != once) continue;
      for (auto& term : loss->terms(input)) {
        result.terms.push_back({term.name + ending, factor == 1.0 ? term.value : term.value * factor, term.weight});
      }
    }
  };
  const auto matches = one_to_one_->match(layer.one_to_one, targets);
  const LossInput one{layer.one_to_one, layer.presence, targets, matches, num_boxes, auxiliary.has_value(), false, outputs};
  add(one, false, 1.0, suffix);
  if (one_to_many_ != nullptr && layer.one_to_many.logits.defined()) {
    const bool by_many = !auxiliary || options_.one_to_many_matcher_on_auxiliary;
    const auto many_matches = (by_many ? one_to_many_ : one_to_one_)->match(layer.one_to_many, targets);
    const at::Tensor no_presence;
    const LossInput many{layer.one_to_many, no_presence,           targets, many_matches,
                         num_boxes,         auxiliary.has_value(), true,    outputs};
    add(many, false, options_.one_to_many_weight, suffix + "_o2m");
  }
  if (!auxiliary) add(one, true, 1.0, "");
}

CriterionResult Criterion::operator()(const Outputs& outputs, const Targets& targets, std::optional<double> num_boxes,
                                      const std::vector<LossTerm>& more) const {
  refuse_too_many_targets(outputs, targets);
  const double boxes = std::max(1.0, num_boxes ? *num_boxes : targets.num_boxes.sum().item<double>());
  CriterionResult result;
  add_layer(outputs, outputs.last, targets, boxes, std::nullopt, result);
  for (std::size_t i = 0; i < outputs.auxiliary.size(); ++i) {
    add_layer(outputs, outputs.auxiliary[i], targets, boxes, i, result);
  }
  for (const auto& term : more) result.terms.push_back({term.name, term.value, term.weight});
  for (const auto& term : result.terms) {
    if (term.weight == 0.0) continue;
    const auto weighted = term.value * term.weight;
    result.total = result.total.defined() ? result.total + weighted : weighted;
  }
  if (!result.total.defined()) result.total = outputs.last.one_to_one.logits.sum() * 0;
  if (options_.scale_by_queries) result.total = result.total * std::sqrt(static_cast<double>(targets.num_boxes.numel()));
  return result;
}

}  // namespace sam3lab
