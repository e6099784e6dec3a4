// Overlap of axis-aligned boxes, given by two corners (xyxy) in any consistent unit.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/base/boxes.h"

namespace sam3lab::boxes {

// IoU of every box of `a` [..., N, 4] with every box of `b` [..., M, 4], both xyxy: [..., N, M].
at::Tensor pairwise_iou(const at::Tensor& a, const at::Tensor& b);
// Generalised IoU (Rezatofighi et al. 2019, eq. 1), -1..1.
at::Tensor pairwise_generalised_iou(const at::Tensor& a, const at::Tensor& b);

// Box i of `a` with box i of `b`, both [N, 4] xyxy: [N].
at::Tensor paired_iou(const at::Tensor& a, const at::Tensor& b);
at::Tensor paired_generalised_iou(const at::Tensor& a, const at::Tensor& b);

}  // namespace sam3lab::boxes
