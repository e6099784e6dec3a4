#include "plugins/geometry/boxes.h"

#include <ATen/ATen.h>

namespace sam3lab::boxes {
namespace {

using at::indexing::Ellipsis;
using at::indexing::Slice;

at::Tensor lower(const at::Tensor& box) { return box.index({Ellipsis, Slice(0, 2)}); }
at::Tensor upper(const at::Tensor& box) { return box.index({Ellipsis, Slice(2, 4)}); }
at::Tensor area(const at::Tensor& extent) { return extent.select(-1, 0) * extent.select(-1, 1); }

struct Overlap {
  at::Tensor iou, union_area;
};

// `a` and `b` are broadcast against each other.
Overlap overlap(const at::Tensor& a, const at::Tensor& b) {
  const auto shared = area((at::minimum(upper(a), upper(b)) - at::maximum(lower(a), lower(b))).clamp_min(0));
  const auto either = area(upper(a) - lower(a)) + area(upper(b) - lower(b)) - shared;
  return {shared / either, either};
}

at::Tensor generalised(const at::Tensor& a, const at::Tensor& b) {
  const auto [iou, either] = overlap(a, b);
  const auto hull = area((at::maximum(upper(a), upper(b)) - at::minimum(lower(a), lower(b))).clamp_min(0));
  return iou - (hull - either) / hull;
}

}  // namespace

at::Tensor pairwise_iou(const at::Tensor& a, const at::Tensor& b) { return overlap(a.unsqueeze(-2), b.unsqueeze(-3)).iou; }
at::Tensor pairwise_generalised_iou(const at::Tensor& a, const at::Tensor& b) {
  return generalised(a.unsqueeze(-2), b.unsqueeze(-3));
}
at::Tensor paired_iou(const at::Tensor& a, const at::Tensor& b) { return overlap(a, b).iou; }
at::Tensor paired_generalised_iou(const at::Tensor& a, const at::Tensor& b) { return generalised(a, b); }

}  // namespace sam3lab::boxes
