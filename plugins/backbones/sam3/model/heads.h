// The heads on the decoder: scores by dot product with the prompt (model_misc.DotProductScoring), and masks
// (maskformer_segmentation.UniversalSegmentationHead).
#pragma once
#include <array>
#include <deque>
#include <string>

#include "plugins/backbones/sam3/model/layers.h"
#include "plugins/backbones/sam3/model/options.h"

namespace sam3lab::sam3 {

struct PromptMlp : Module {
  PromptMlp(Module& parent, const Sizes& sizes, double dropout);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& prompt) const;
  double dropout;
  ModuleList list;
  Linear first, second;
  LayerNorm out_norm;
};

struct DotProductScoring : Module {
  DotProductScoring(Module& parent, const Sizes& sizes, double dropout);
  // The pooled and projected prompt: [Q, S, d], padding [Q, S] -> [Q, d, 1].
  [[nodiscard]] at::Tensor direction(const at::Tensor& prompt, const at::Tensor& padding) const;
  // states [Q, n, d] -> logits [Q, n, 1] within -12..12.
  [[nodiscard]] at::Tensor operator()(const at::Tensor& states, const at::Tensor& direction) const;
  double scale;
  PromptMlp prompt_mlp;
  Linear prompt_proj, hs_proj;
};

struct PixelDecoder : Module {
  PixelDecoder(Module& parent, const Sizes& sizes);
  // coarse [Q, d, h, w], finer maps [Q, d, 2h, 2w] and [Q, d, 4h, 4w] -> [Q, d, 4h, 4w].
  [[nodiscard]] at::Tensor operator()(const at::Tensor& coarse, const at::Tensor& twice, const at::Tensor& fourfold) const;
  ModuleList conv_list;
  std::deque<Conv> conv_layers;  // the third is unused, but published checkpoints have its weights
  ModuleList norm_list;
  std::deque<GroupNorm> norms;
};

struct Masks {
  at::Tensor instances;  // [Q, n, 4h, 4w] logits
  at::Tensor semantic;   // [Q, 1, 4h, 4w] logits
};

struct MaskPredictor : Module {
  MaskPredictor(Module& parent, const Sizes& sizes);
  Mlp mask_embed;
};

struct SegmentationHead : Module {
  SegmentationHead(Module& parent, const Sizes& sizes, bool recomputes);
  // pyramid: maps of B images, finest first; states [Q, n, d]; memory [Q, HW, d]; prompt [Q, S, d]; padding [Q, S].
  [[nodiscard]] Masks operator()(const std::array<at::Tensor, 3>& pyramid, const at::Tensor& image_index,
                                 const at::Tensor& states, const at::Tensor& memory, const at::Tensor& prompt,
                                 const at::Tensor& padding) const;
  bool recomputes;
  PixelDecoder pixel_decoder;
  MaskPredictor mask_predictor;
  Attention cross_attend_prompt;
  LayerNorm cross_attn_norm;
  Conv semantic_seg_head, instance_seg_head;
};

}  // namespace sam3lab::sam3
