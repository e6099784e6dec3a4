// What goes into a model, and what comes out of it. B images, Q queries (an image with a prompt), N target masks, K object
// queries.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab {

// Truth for Q queries, packed: the targets of query 0, then those of query 1, ...
struct Targets {
  at::Tensor num_boxes;     // [Q] int64, how many targets each query has; 0 = the prompt is absent from its image
  at::Tensor boxes;         // [N, 4] float32 cxcywh in 0..1
  at::Tensor boxes_padded;  // [Q, max(1, max num_boxes), 4], zero behind a query's last target
  at::Tensor masks;         // [N, R, R] bool
  // [Q, R, R] bool: pixels that no loss may look at (LabelledImage::ignore). Undefined: none.
  at::Tensor ignore;
};

// Geometric prompts, one row a query, padded to the longest. Undefined tensors: none.
struct BoxPrompts {
  at::Tensor boxes;    // [Q, P, 4] float32 cxcywh in 0..1
  at::Tensor labels;   // [Q, P] int64, 1 = positive, 0 = negative
  at::Tensor padding;  // [Q, P] bool, true = no box here
};

struct Batch {
  at::Tensor images;               // [B, 3, R, R] float32, (value / 255 - 0.5) / 0.5
  std::vector<std::string> texts;  // Q prompts
  at::Tensor image_index;          // [Q] int64 into images
  BoxPrompts box_prompts;
  Targets targets;  // empty (undefined tensors) at inference
};

// Predictions, LayerOutputs and Outputs have the form of the DETR family (SAM3 is one): K object queries answer each prompt,
// each with a score, a box and a mask. A model of another family must give:
// - `logits` and `masks` of the last layer. With one mask for each prompt K is 1, and the logit says how sure the model is that
//   the concept is in the image (a constant where it does not know). A score is sigmoid(logits), times sigmoid(presence) where
//   that is defined.
// - `boxes` where `sam3lab predict` lists instances, or a matcher or loss reads them. Boxes around the masks will do.
// The rest may stay undefined or empty: `presence`, `semantic` (`predict` then writes no semantic mask), `auxiliary` and
// `one_to_many`. Losses and matchers of the experiment must do without it, too.

// One set of object queries of one decoder layer.
struct Predictions {
  at::Tensor logits;  // [Q, K, 1]
  at::Tensor boxes;   // [Q, K, 4] cxcywh in 0..1
  at::Tensor masks;   // [Q, K, h, w] logits, or undefined where this layer predicts none
};

// One decoder layer. `one_to_many` (DAC queries) is undefined outside training.
struct LayerOutputs {
  Predictions one_to_one, one_to_many;
  at::Tensor presence;  // [Q, 1] logit: is the prompted concept in the image at all?
};

struct Outputs {
  LayerOutputs last;                         // the last decoder layer
  std::vector<LayerOutputs> auxiliary;       // the layers before it, first to last; training only
  at::Tensor semantic;                       // [Q, 1, h, w] logits of "any instance of the prompt"
  std::map<std::string, at::Tensor> extras;  // named intermediate tensors (see the backbone's README); for tracing
};

}  // namespace sam3lab
