// From model outputs to one mask a prompt, at the resolution of the original image.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/batch.h>

#include "core/config/tables.h"

namespace sam3lab {

// The most confident mask of one (image, prompt).
struct Prediction {
  double confidence = 0.0;  // presence probability times the probability of the most confident object query
  bool fired = false;       // confidence >= [evaluate] confidence
  at::Tensor probability;   // [H, W] float32 in 0..1, of that object query's mask
  at::Tensor mask;          // [H, W] bool: probability >= [evaluate] threshold, whether it fired or not
};

// Predictions for queries `begin`..`end`-1 of the outputs, which ask about one image of `height` x `width` pixels. The mask
// logits are resized bilinearly before the threshold, as the reference processor does.
std::vector<Prediction> predict(const Outputs& outputs, std::int64_t begin, std::int64_t end, std::int64_t height,
                                std::int64_t width, const EvaluateOptions& options);

// One non-overlapping map over the prompts of an image (paper, inference): [H, W] int64, -1 for none. Of the masks that fired
// and cover a pixel, the one with the largest confidence x probability takes it.
at::Tensor merge(const std::vector<Prediction>& predictions, std::int64_t height, std::int64_t width);

}  // namespace sam3lab
