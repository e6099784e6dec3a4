#include "core/eval/predict.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace sam3lab {

std::vector<Prediction> predict(const Outputs& outputs, std::int64_t begin, std::int64_t end, std::int64_t height,
                                std::int64_t width, const EvaluateOptions& options) {
  const at::NoGradGuard no_grad;
  const auto& last = outputs.last;
  std::vector<Prediction> predictions;
  for (auto q = begin; q < end; ++q) {
    auto scores = last.one_to_one.logits.select(0, q).flatten().sigmoid();
    if (last.presence.defined()) scores = scores * last.presence.select(0, q).sigmoid();
    const auto best = scores.argmax().item<std::int64_t>();
    Prediction prediction;
    prediction.confidence = scores[best].item<double>();
    prediction.fired = prediction.confidence >= options.confidence;
    const auto logits = last.one_to_one.masks.select(0, q).select(0, best);
    prediction.probability =
        at::upsample_bilinear2d(logits.unsqueeze(0).unsqueeze(0), {height, width}, false).squeeze(0).squeeze(0).sigmoid();
    prediction.mask = prediction.probability.ge(options.threshold);
    predictions.push_back(std::move(prediction));
  }
  return predictions;
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
