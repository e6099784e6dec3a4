#include "core/eval/predict.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/base/boxes.h"
#include "core/tensor/load_into.h"

namespace sam3lab {

namespace {

// A model whose outputs are NaN must not look like one that finds nothing.
void refuse_not_finite(const at::Tensor& output, std::int64_t query) {
  if (all_finite(output)) return;
  throw NumericError(Fault{"the model", "gives outputs that are NaN or infinite",
                           fmt::format("for prompt {} of a batch", query), "finite numbers",
                           "look for NaN in the weights, or compute in float32"});
}

// [h, w] logits -> [H, W] probabilities, on the CPU.
at::Tensor enlarged(const at::Tensor& logits, std::int64_t height, std::int64_t width) {
  return at::upsample_bilinear2d(logits.unsqueeze(0).unsqueeze(0), {height, width}, false)
      .squeeze(0)
      .squeeze(0)
      .sigmoid()
      .cpu();
}

// [n, 4] cxcywh in 0..1 -> xyxy in pixels.
at::Tensor in_pixels(const at::Tensor& cxcywh, std::int64_t height, std::int64_t width) {
  return boxes::to_corners(cxcywh) * at::tensor({width, height, width, height}, at::kFloat).to(cxcywh.device());
}

}  // namespace

at::Tensor query_scores(const LayerOutputs& layer, std::int64_t query) {
  auto scores = layer.one_to_one.logits.select(0, query).flatten().sigmoid();
  if (layer.presence.defined()) scores = scores * layer.presence.select(0, query).sigmoid();
  refuse_not_finite(scores, query);
  return scores;
}

std::vector<Prediction> predict(const Outputs& outputs, std::int64_t begin, std::int64_t end, std::int64_t height,
                                std::int64_t width, const EvaluateOptions& options) {
  const at::NoGradGuard no_grad;
  const bool upstream = options.protocol == "upstream";
  std::vector<Prediction> predictions;
  for (auto q = begin; q < end; ++q) {
    const auto scores = query_scores(outputs.last, q);
    const auto best = scores.argmax().item<std::int64_t>();
    Prediction prediction;
    prediction.confidence = scores[best].item<double>();
    // In float32, as the published processor compares.
    prediction.fired =
        upstream ? scores[best].gt(options.confidence).item<bool>() : prediction.confidence >= options.confidence;
    const auto logits = outputs.last.one_to_one.masks.select(0, q).select(0, best);
    refuse_not_finite(logits, q);
    prediction.probability = enlarged(logits, height, width);
    prediction.mask = upstream ? prediction.probability.gt(options.threshold) : prediction.probability.ge(options.threshold);
    const auto& boxes = outputs.last.one_to_one.boxes;
    if (boxes.defined()) prediction.box = in_pixels(boxes.select(0, q).narrow(0, best, 1), height, width).squeeze(0).cpu();
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

Instances find_instances(const Outputs& outputs, std::int64_t query, std::int64_t height, std::int64_t width,
                         double confidence) {
  const at::NoGradGuard no_grad;
  const auto& found = outputs.last.one_to_one;
  const auto scores = query_scores(outputs.last, query);
  const auto kept = scores.gt(confidence).nonzero().flatten();
  Instances instances;
  instances.scores = scores.index_select(0, kept).cpu();
  instances.boxes = in_pixels(found.boxes.select(0, query).index_select(0, kept), height, width).cpu();
  instances.masks = at::zeros({kept.size(0), height, width}, at::kBool);
  for (std::int64_t i = 0; i < kept.size(0); ++i) {  // one at a time: 200 full-size probability maps would take gigabytes
    const auto logits = found.masks.select(0, query).select(0, kept[i].item<std::int64_t>());
    instances.masks.select(0, i).copy_(enlarged(logits, height, width).gt(0.5));
  }
  return instances;
}

at::Tensor semantic_mask(const Outputs& outputs, std::int64_t query, std::int64_t height, std::int64_t width) {
  const at::NoGradGuard no_grad;
  return enlarged(outputs.semantic.select(0, query).select(0, 0), height, width).gt(0.5);
}

std::string protocol_text(const EvaluateOptions& options) {
  const bool upstream = options.protocol == "upstream";
  const auto rule = upstream
                        ? std::string("as the published evaluator: most confident mask of each prompt, kept above confidence")
                        : std::string("most confident mask of each prompt, kept from confidence");
  const auto samples = upstream ? "samples without a target are skipped, a miss counts 0" : "a miss counts 0";
  return fmt::format(
      "{}: {} {}; mask probability {}{}; logits resized bilinearly to the original image; {}; macro mean over prompts of the "
      "mean over samples with a target; prompt_source = text",
      options.protocol, rule, options.confidence, upstream ? "above " : "", options.threshold, samples);
}

at::Tensor merge(const std::vector<Prediction>& predictions, std::int64_t height, std::int64_t width) {
  auto owner = at::full({height, width}, -1, at::kLong);
  auto strongest = at::zeros({height, width});
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& prediction = predictions[i];
    if (!prediction.fired) continue;
    const auto strength = prediction.probability * prediction.confidence;
    const auto takes = prediction.mask.logical_and(strength.gt(strongest));
    owner.masked_fill_(takes, static_cast<std::int64_t>(i));
    strongest = at::where(takes, strength, strongest);
  }
  return owner;
}

}  // namespace sam3lab
