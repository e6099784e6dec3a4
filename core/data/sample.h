// From a labelled image and its prompts to what the model reads. All queries of one image share its pixels.
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/batch.h>
#include <sam3lab/api/dataset.h>
#include <sam3lab/api/prompt.h>

namespace sam3lab {

// One image at model resolution with the masks of each of its queries.
struct Sample {
  at::Tensor image;  // [3, R, R] uint8
  std::vector<PromptQuery> queries;
  std::vector<at::Tensor> masks;  // one a query, [n, R, R] bool, n = 0 where the prompt is absent
  at::Tensor ignore;              // [R, R] bool, see LabelledImage::ignore; undefined: every pixel counts
  // One a query, [1, 4] cxcywh in 0..1: a box that is part of the prompt; undefined: none. Empty: no query has one.
  std::vector<at::Tensor> boxes = {};
};

// Resizes to `side` x `side` and pairs each query with its masks, which are resized to the nearest pixel. A mask that vanishes
// at this size is dropped, and a query without masks becomes an absent one. What masks have in ignored pixels is cleared.
Sample make_sample(const LabelledImage& image, const std::vector<PromptQuery>& queries, std::int64_t side);

// cxcywh in 0..1 of each mask [n, R, R] bool; no mask may be empty.
at::Tensor boxes_of(const at::Tensor& masks);

// Packs samples into one batch; images are scaled to -1..1 (mean = std = 0.5).
Batch collate(const std::vector<Sample>& samples);

}  // namespace sam3lab
