#include "plugins/backbones/sam3/model/heads.h"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "plugins/backbones/sam3/kernels/recompute.h"

namespace sam3lab::sam3 {

PromptMlp::PromptMlp(Module& parent, const Sizes& sizes, double rate)
    : Module(parent, "prompt_mlp"),
      dropout(rate),
      list(*this, "layers"),
      first(list, "0", sizes.d_model, sizes.dim_feedforward),
      second(list, "1", sizes.dim_feedforward, sizes.d_model),
      out_norm(*this, "out_norm", sizes.d_model) {}

at::Tensor PromptMlp::operator()(const at::Tensor& prompt) const {
  return out_norm(second(drop(at::relu(first(prompt)), dropout, training())) + prompt);
}

DotProductScoring::DotProductScoring(Module& parent, const Sizes& sizes, double dropout)
    : Module(parent, "dot_prod_scoring"),
      scale(1.0 / std::sqrt(static_cast<double>(sizes.d_model))),
      prompt_mlp(*this, sizes, dropout),
      prompt_proj(*this, "prompt_proj", sizes.d_model, sizes.d_model),
      hs_proj(*this, "hs_proj", sizes.d_model, sizes.d_model) {}

at::Tensor DotProductScoring::direction(const at::Tensor& prompt, const at::Tensor& padding) const {
  const at::Tensor valid = padding.logical_not().to(prompt.scalar_type()).unsqueeze(-1);
  const at::Tensor pooled = (prompt_mlp(prompt) * valid).sum(1) / valid.sum(1).clamp_min(1.0);
  return prompt_proj(pooled).unsqueeze(-1);
}

at::Tensor DotProductScoring::operator()(const at::Tensor& states, const at::Tensor& direction) const {
  return (at::matmul(hs_proj(states), direction) * scale).clamp(-12.0, 12.0);
}

PixelDecoder::PixelDecoder(Module& parent, const Sizes& sizes)
    : Module(parent, "pixel_decoder"), conv_list(*this, "conv_layers"), norm_list(*this, "norms") {
  for (int i = 0; i < 3; ++i) {
    conv_layers.emplace_back(conv_list, std::to_string(i),
                             ConvShape{.in = sizes.d_model, .out = sizes.d_model, .kernel = 3, .padding = 1});
    norms.emplace_back(norm_list, std::to_string(i), 8, sizes.d_model);
  }
}

namespace {

// fine + nearest-neighbour doubling of coarse, without storing the doubled map. It works channels last and doubles one axis
// after the other, so that the sums of the backward pass are over rows of channels.
at::Tensor add_doubled(const at::Tensor& fine, const at::Tensor& coarse) {
  const std::int64_t n = coarse.size(0), c = coarse.size(1), h = coarse.size(2), w = coarse.size(3);
  const at::Tensor across = coarse.permute({0, 2, 3, 1}).unsqueeze(3).expand({n, h, w, 2, c});
  const at::Tensor doubled = across.unsqueeze(2).expand({n, h, 2, w, 2, c});
  const at::Tensor blocks = fine.permute({0, 2, 3, 1}).unflatten(2, {w, 2}).unflatten(1, {h, 2});
  return (blocks + doubled).flatten(3, 4).flatten(1, 2).permute({0, 3, 1, 2});
}

}  // namespace

at::Tensor PixelDecoder::operator()(const at::Tensor& coarse, const at::Tensor& twice, const at::Tensor& fourfold) const {
  at::Tensor x = at::relu(norms[0](conv_layers[0](add_doubled(twice, coarse))));
  return at::relu(norms[1](conv_layers[1](add_doubled(fourfold, x))));
}

MaskPredictor::MaskPredictor(Module& parent, const Sizes& sizes)
    : Module(parent, "mask_predictor"), mask_embed(*this, "mask_embed", sizes.d_model, sizes.d_model, sizes.d_model, 3) {}

SegmentationHead::SegmentationHead(Module& parent, const Sizes& sizes, bool again)
    : Module(parent, "segmentation_head"),
      recomputes(again),
      pixel_decoder(*this, sizes),
      mask_predictor(*this, sizes),
      cross_attend_prompt(*this, "cross_attend_prompt", sizes.d_model, sizes.num_heads_detr, 0.0),
      cross_attn_norm(*this, "cross_attn_norm", sizes.d_model),
      semantic_seg_head(*this, "semantic_seg_head", {.in = sizes.d_model, .out = 1, .kernel = 1}),
      instance_seg_head(*this, "instance_seg_head", {.in = sizes.d_model, .out = sizes.d_model, .kernel = 1}) {}

namespace {

bool each_its_own(const at::Tensor& index, std::int64_t images) {
  return index.size(0) == images && at::equal(index, at::arange(images, index.options()));
}

}  // namespace

Masks SegmentationHead::operator()(const std::array<at::Tensor, 3>& pyramid, const at::Tensor& image_index,
                                   const at::Tensor& states, const at::Tensor& memory, const at::Tensor& prompt,
                                   const at::Tensor& padding) const {
  const at::Tensor informed = memory + cross_attend_prompt(cross_attn_norm(memory), prompt, prompt, keys_to_attend(padding));
  const std::int64_t queries = memory.size(0), width = memory.size(2), h = pyramid[2].size(2), w = pyramid[2].size(3);
  const at::Tensor coarse = informed.transpose(1, 2).reshape({queries, width, h, w});
  // The maps of a single image are broadcast to all queries; otherwise each query gets the maps of its image.
  const bool as_is = pyramid[0].size(0) == 1 || each_its_own(image_index, pyramid[0].size(0));
  // index() keeps the maps' memory layout (channels last), in which convolutions are fastest; index_select() would not.
  const auto of_query = [&](const at::Tensor& map) {
    return as_is ? map : at::index(map, {std::optional<at::Tensor>(image_index)});
  };

  const Step decode = [this](const std::vector<at::Tensor>& in) { return pixel_decoder(in[0], in[1], in[2]); };
  const std::vector<at::Tensor> maps{coarse, of_query(pyramid[1]), of_query(pyramid[0])};
  const bool again =
      recomputes && in_training_pass() && (coarse.requires_grad() || maps[2].requires_grad() || pixel_decoder.trains());
  const at::Tensor pixels = again ? recompute(decode, maps) : decode(maps);

  // The instance head is a 1x1 convolution of the pixels, followed by a product with the embeddings of the queries. It is
  // applied to the n embeddings instead, which gives the same function for less work.
  const at::Tensor embedded = mask_predictor.mask_embed(states);  // [Q, n, d]
  const at::Tensor turned = at::matmul(embedded, instance_seg_head.weight.flatten(1));
  const at::Tensor offset = at::matmul(embedded, instance_seg_head.bias).unsqueeze(-1);
  const at::Tensor masks = at::baddbmm(offset, turned, pixels.flatten(2));
  return {masks.view({queries, states.size(1), pixels.size(2), pixels.size(3)}), semantic_seg_head(pixels)};
}

}  // namespace sam3lab::sam3
