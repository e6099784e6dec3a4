// Overlap of axis-aligned boxes, given by two corners (xyxy) in any unit that is the same for all.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/base/boxes.h"

namespace sam3lab::boxes {

// IoU of each box of `a` [..., N, 4] with each box of `b` [..., M, 4], both xyxy: [..., N, M].
at::Tensor pairwise_iou(const at::Tensor& a, const at::Tensor& b);
// The same for the generalised IoU (Rezatofighi et al. 2019, eq. 1), in -1..1.
at::Tensor pairwise_generalised_iou(const at::Tensor& a, const at::Tensor& b);

// Of box i of `a` with box i of `b`, both [N, 4] xyxy: [N].
at::Tensor paired_iou(const at::Tensor& a, const at::Tensor& b);
at::Tensor paired_generalised_iou(const at::Tensor& a, const at::Tensor& b);

}  // namespace sam3lab::boxes
