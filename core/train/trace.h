// One forward pass and some training steps on a case that another implementation has computed, too: to find where two
// implementations begin to differ.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/options.h>

#include "core/tensor/tensors.h"
#include "core/train/criterion.h"

namespace sam3lab {

// A case is a folder with
//   model.json         {"sizes": {option of the backbone: value...}, "lr": ..., "weight_decay": ...}
//   checkpoint.pt      the weights to start from, in any layout that the backbone knows
//   batch.safetensors  image [B,3,R,R] float32 (normalised), boxes [N,4] cxcywh in 0..1, masks [N,R,R] uint8, num_boxes [Q]
//   int64,
//                      image_index [Q] int64; metadata "texts": a JSON list of Q prompts; optionally box prompts: prompt_boxes
//                      [Q,P,4], prompt_labels [Q,P] int64, prompt_padding [Q,P] uint8
struct TraceCase {
  std::string folder;
  OptionValues sizes;
  double learning_rate = 0.0, weight_decay = 0.0;
  Batch batch;
};

// Throws DataError for a missing file, a missing tensor, or shapes that do not fit together.
TraceCase read_trace_case(const std::string& folder, const Schema& backbone_schema);

// Loads the case's weights into `model` and computes
//   forward.*  predictions and the backbone's extra tensors in evaluation mode
//   loss.*     every term of the first step in training mode, and core_loss, their weighted sum
//   grad.*     gradients of the first step;  param.*  parameters after it (AdamW, all in one group)
//   steps.core_loss [steps]  with more than one step: the loss before each; grad and param are still those of the first step
// Throws DataError if a parameter of the model is not in the checkpoint.
Tensors trace(const TraceCase& trace_case, Backbone& model, const Criterion& criterion, std::int64_t steps = 1);

}  // namespace sam3lab
