#include "plugins/backbones/sam3/model/geometry.h"

#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "core/base/boxes.h"
#include "plugins/backbones/sam3/kernels/recompute.h"
#include "plugins/backbones/sam3/kernels/roi_align.h"

namespace sam3lab::sam3 {

namespace {

constexpr std::int64_t roi_bins = 7;

// Moves padded entries to the end and keeps the order of the others.
Sequence padded_last(const Sequence& s) {
  if (s.tokens.size(1) == 0) return s;
  const at::Tensor order = at::argsort(s.padding, /*stable=*/true, -1, false);
  return {s.tokens.gather(1, order.unsqueeze(-1).expand_as(s.tokens)), s.padding.gather(1, order)};
}

}  // namespace

GeometricPrompts GeometricPrompts::none(std::int64_t n, const at::TensorOptions& options) {
  const auto labels = options.dtype(at::kLong), padding = options.dtype(at::kBool);
  return {at::zeros({n, 0, 4}, options), at::zeros({n, 0}, labels), at::zeros({n, 0}, padding),
          at::zeros({n, 0, 2}, options), at::zeros({n, 0}, labels), at::zeros({n, 0}, padding)};
}

Sequence join(const Sequence& first, const Sequence& second) {
  const std::int64_t n = first.tokens.size(0), a = first.tokens.size(1), b = second.tokens.size(1);
  const at::Tensor used = first.padding.logical_not().sum(1, true);  // [N, 1]
  const at::Tensor total = used + second.padding.logical_not().sum(1, true);
  const auto whole = used.options();
  const at::Tensor target = used + at::arange(b, whole).unsqueeze(0);  // [N, b]
  const at::Tensor room = at::cat({first.tokens, at::zeros({n, b, first.tokens.size(2)}, first.tokens.options())}, 1);
  return {room.scatter(1, target.unsqueeze(-1).expand({n, b, first.tokens.size(2)}), second.tokens),
          at::arange(a + b, whole).unsqueeze(0) >= total};
}

GeometryEncoder::GeometryEncoder(Module& parent, const Sizes& sizes, double dropout, bool again)
    : Module(parent, "geometry_encoder"),
      width(sizes.d_model),
      recomputes(again),
      label_embed(*this, "label_embed", 2, width),
      cls_embed(*this, "cls_embed", 1, width),
      points_direct_project(*this, "points_direct_project", 2, width),
      points_pool_project(*this, "points_pool_project", width, width),
      points_pos_enc_project(*this, "points_pos_enc_project", width, width),
      boxes_direct_project(*this, "boxes_direct_project", 4, width),
      boxes_pool_project(*this, "boxes_pool_project", {.in = width, .out = width, .kernel = roi_bins}),
      boxes_pos_enc_project(*this, "boxes_pos_enc_project", width + 2, width),
      final_proj(*this, "final_proj", width, width),
      norm(*this, "norm", width),
      img_pre_norm(*this, "img_pre_norm", width),
      list(*this, "encode"),
      encode_norm(*this, "encode_norm", width) {
  for (std::int64_t i = 0; i < sizes.geometry_layers; ++i) {
    layers.emplace_back(list, std::to_string(i), LayerShape{width, sizes.num_heads_detr, sizes.dim_feedforward, dropout});
  }
}

at::Tensor GeometryEncoder::encode_points(const GeometricPrompts& prompts, const at::Tensor& maps,
                                          const at::Tensor& image_index) const {
  const at::Tensor& points = prompts.points;
  at::Tensor sampled;  // [Q, S, d]
  if (points.size(1) == 0) {
    // There is nothing to sample. An empty slice of the maps keeps their normalisation in the graph, with a gradient of zero.
    sampled = maps.flatten(2).narrow(2, 0, 0).transpose(1, 2).index_select(0, image_index);
  } else {
    const at::Tensor grid = (points * 2 - 1).unsqueeze(2);  // [Q, S, 1, 2] in -1..1
    sampled = at::grid_sampler(maps.index_select(0, image_index), grid, /*bilinear*/ 0, /*zeros*/ 0, /*align_corners=*/false)
                  .squeeze(-1)
                  .transpose(1, 2);
  }
  return points_direct_project(points) + points_pool_project(sampled) +
         points_pos_enc_project(sine(points, width / 2).flatten(2)) + label_embed(prompts.point_labels);
}

at::Tensor GeometryEncoder::encode_boxes(const GeometricPrompts& prompts, const at::Tensor& maps,
                                         const at::Tensor& image_index) const {
  const at::Tensor& boxes = prompts.boxes;
  at::Tensor regions = at::zeros({0, width, roi_bins, roi_bins}, boxes.options());
  if (boxes.size(1) > 0) {
    const at::Tensor cells = at::tensor({maps.size(3), maps.size(2), maps.size(3), maps.size(2)}, boxes.options());
    regions = roi_align(maps.index_select(0, image_index), boxes::to_corners(boxes) * cells, roi_bins);
  }
  const at::Tensor pooled = boxes_pool_project(regions).view({boxes.size(0), boxes.size(1), width});
  const std::vector<at::Tensor> centre = sine(boxes.narrow(-1, 0, 2), width / 2).unbind(-2);                      // x, y
  const at::Tensor placed = at::cat({centre[1], centre[0], boxes.narrow(-1, 3, 1), boxes.narrow(-1, 2, 1)}, -1);  // y, x, h, w
  return boxes_direct_project(boxes) + pooled + boxes_pos_enc_project(placed) + label_embed(prompts.box_labels);
}

Sequence GeometryEncoder::operator()(const GeometricPrompts& prompts, const at::Tensor& image, const at::Tensor& position,
                                     const at::Tensor& image_index) const {
  const std::int64_t side = std::llround(std::sqrt(static_cast<double>(image.size(1)))), n = image_index.size(0);
  const at::Tensor maps = img_pre_norm(image).transpose(1, 2).reshape({image.size(0), width, side, side});
  Sequence all = join(padded_last({encode_points(prompts, maps, image_index), prompts.point_padding}),
                      padded_last({encode_boxes(prompts, maps, image_index), prompts.box_padding}));
  const at::Tensor cls = cls_embed.weight.unsqueeze(0).expand({n, 1, width});
  all = join(all, {cls, at::zeros({n, 1}, all.padding.options())});

  at::Tensor x = norm(final_proj(all.tokens));
  const at::Tensor mask = keys_to_attend(all.padding);
  for (const EncoderLayer& layer : layers) {
    // Keys and values are computed once per image, for all its prompts.
    const Step step = [&layer, mask, position, image_index](const std::vector<at::Tensor>& in) {
      const Attention::KeysValues each = layer.cross_attn_image.project(in[1] + position, in[1]);
      return layer.read(layer.mix(in[0], {}, mask),
                        {each.keys.index_select(0, image_index), each.values.index_select(0, image_index)}, {});
    };
    const bool again = recomputes && in_training_pass() && (x.requires_grad() || image.requires_grad() || layer.trains());
    x = again ? recompute(step, {x, image}) : step({x, image});
  }
  return {encode_norm(x), all.padding};
}

}  // namespace sam3lab::sam3
