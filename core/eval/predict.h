// From model outputs to one mask a prompt, at the resolution of the original image.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <sam3lab/api/batch.h>

#include "core/config/tables.h"

namespace sam3lab {

// The most confident mask of one (image, prompt).
struct Prediction {
  double confidence = 0.0;  // presence probability times the probability of the most confident object query
  bool fired = false;       // confidence reaches [evaluate] confidence; under `upstream` it must exceed it
  at::Tensor probability;   // [H, W] float32 in 0..1, of that object query's mask
  at::Tensor mask;          // [H, W] bool: probability reaches (exceeds) [evaluate] threshold, whether it fired or not
  at::Tensor box = {};      // [4] float32: x0, y0, x1, y1 in pixels of the original image, not cut at its border
};

// All that follows gives tensors on the CPU, wherever the outputs are.

// [K]: presence probability times that of each object query.
at::Tensor query_scores(const LayerOutputs& layer, std::int64_t query);

// Predictions for queries `begin`..`end`-1 of the outputs, which ask about one image of `height` x `width` pixels. The mask
// logits are resized bilinearly before the threshold, as the reference processor does.
std::vector<Prediction> predict(const Outputs& outputs, std::int64_t begin, std::int64_t end, std::int64_t height,
                                std::int64_t width, const EvaluateOptions& options);

// All masks of one (image, prompt), as the published processor gives them (sam3/model/sam3_image_processor.py), in the order of
// the object queries.
struct Instances {
  at::Tensor scores;  // [n] float32: presence probability times that of the object query, all above `confidence`
  at::Tensor boxes;   // [n, 4] float32: x0, y0, x1, y1 in pixels of the original image, not cut at its border
  at::Tensor masks;   // [n, H, W] bool: probability above 0.5 at the original resolution
};
Instances find_instances(const Outputs& outputs, std::int64_t query, std::int64_t height, std::int64_t width,
                         double confidence);

// [H, W] bool: where the semantic head sees any instance of the prompt. outputs.semantic must be defined.
at::Tensor semantic_mask(const Outputs& outputs, std::int64_t query, std::int64_t height, std::int64_t width);

// What [evaluate] protocol does, in words, with its numbers: stored beside the scores.
std::string protocol_text(const EvaluateOptions& options);

// One non-overlapping map over the prompts of an image (paper, inference): [H, W] int64, -1 for none. Of the masks that fired
// and cover a pixel, the one with the largest confidence x probability takes it.
at::Tensor merge(const std::vector<Prediction>& predictions, std::int64_t height, std::int64_t width);

}  // namespace sam3lab
