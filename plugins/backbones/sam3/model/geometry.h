// The encoder of geometric prompts (geometry_encoders.SequenceGeometryEncoder). Positive and negative boxes and points become
// tokens that attend to the image. A class token follows them; without prompts it is the only token.
#pragma once
#include <deque>
#include <string>

#include "plugins/backbones/sam3/model/encoder.h"
#include "plugins/backbones/sam3/model/position.h"

namespace sam3lab::sam3 {

// B images, Q samples, each of one image. A padded entry may be anywhere in its row.
struct GeometricPrompts {
  at::Tensor boxes, box_labels, box_padding;       // [Q, P, 4] cxcywh in 0..1, [Q, P] int64 (1 = positive), [Q, P] bool
  at::Tensor points, point_labels, point_padding;  // [Q, S, 2] x, y in 0..1, [Q, S], [Q, S]
  [[nodiscard]] static GeometricPrompts none(std::int64_t n, const at::TensorOptions& options);
};

struct Sequence {
  at::Tensor tokens;   // [Q, L, d]
  at::Tensor padding;  // [Q, L] bool, true = padded; padding is at the end
};

struct GeometryEncoder : Module {
  GeometryEncoder(Module& parent, const Sizes& sizes, double dropout, bool recomputes);
  // image [B, HW, d] of a square map, position [1, HW, d], image_index [Q].
  [[nodiscard]] Sequence operator()(const GeometricPrompts& prompts, const at::Tensor& image, const at::Tensor& position,
                                    const at::Tensor& image_index) const;
  // maps [B, d, h, w], normalised -> [Q, P or S, d].
  [[nodiscard]] at::Tensor encode_boxes(const GeometricPrompts& prompts, const at::Tensor& maps,
                                        const at::Tensor& image_index) const;
  [[nodiscard]] at::Tensor encode_points(const GeometricPrompts& prompts, const at::Tensor& maps,
                                         const at::Tensor& image_index) const;

  std::int64_t width;
  bool recomputes;
  Embedding label_embed, cls_embed;
  Linear points_direct_project, points_pool_project, points_pos_enc_project;
  Linear boxes_direct_project;
  Conv boxes_pool_project;
  Linear boxes_pos_enc_project;
  Linear final_proj;
  LayerNorm norm, img_pre_norm;
  ModuleList list;
  std::deque<EncoderLayer> layers;
  LayerNorm encode_norm;
};

// Concatenates right-padded sequences: the second begins at the padding of the first.
[[nodiscard]] Sequence join(const Sequence& first, const Sequence& second);

}  // namespace sam3lab::sam3
