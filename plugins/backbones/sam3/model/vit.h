// The image encoder (vitdet.py): a plain vision transformer with windowed and global attention, rotary phases and a tiled
// position embedding. The neck makes a pyramid from its last map (necks.py).
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "plugins/backbones/sam3/model/layers.h"
#include "plugins/backbones/sam3/model/options.h"

namespace sam3lab::sam3 {

// Self-attention of a square of tokens. Queries and keys are rotated by their position.
struct RotaryAttention : Module {
  RotaryAttention(Module& parent, std::int64_t width, std::int64_t heads);
  // x [N, L, C], phases [L, head_dim/2] complex.
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& phases) const;
  // The rest after qkv: packed [N, L, 3 C], which may be overwritten.
  [[nodiscard]] at::Tensor mix(const at::Tensor& packed, const at::Tensor& phases) const;
  std::int64_t heads;
  PackedLinear qkv;
  Linear proj;
  AdapterSlot keys_values, whole;
};

struct VitMlp : Module {
  VitMlp(Module& parent, std::int64_t width, std::int64_t hidden);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  Linear fc1, fc2;
  AdapterSlot slot;
};

struct VitBlock : Module {
  VitBlock(Module& parent, std::string name, const Sizes& sizes, std::int64_t window, double drop_path_rate);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& phases) const;  // [B, H, W, C]
  // The same function, which keeps less for the backward pass: only what is needed so that no matrix product is computed twice.
  // Without `keep_hidden` the first product of the MLP is computed twice. Not for blocks with adapter modules, autocast or a
  // GPU.
  [[nodiscard]] at::Tensor sparing(const at::Tensor& x, const at::Tensor& phases, bool keep_hidden) const;
  [[nodiscard]] bool can_be_sparing() const;
  [[nodiscard]] bool bare() const;  // whether it has no adapter modules
  // The weights of the two branches if training may skip a dropped branch; otherwise none.
  struct Weights {
    std::vector<at::Tensor> attention, mlp;
  };
  [[nodiscard]] Weights droppable() const;
  [[nodiscard]] std::int64_t sparing_bytes(at::IntArrayRef tokens, bool keep_hidden) const;  // kept for tokens [B, H, W, C]
  std::int64_t window;                                                                       // 0: global
  double rate;
  LayerNorm norm1;
  RotaryAttention attn;
  LayerNorm norm2;
  VitMlp mlp;
};

struct Vit : Module {
  Vit(Module& parent, const Sizes& sizes, double drop_path_rate, Keeping keeping);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& images) const;  // [B, 3, R, R] -> [B, C, R/patch, R/patch]

  void move_phases(c10::Device device);  // phases depend on the sizes alone and are no parameters

  at::Tensor pos_embed;  // [1, 1 + pretrained cells, C]; the first is for a class token and unused
  Module patch_embed;
  Conv proj;
  ModuleList list;
  std::deque<VitBlock> blocks;
  LayerNorm ln_pre;
  at::Tensor window_phases, global_phases;
  std::int64_t used_blocks;  // blocks after the last global one are not used
  Keeping keeping;

 private:
  // The blocks for which sparing() is used in the first pass: as many as keeping.bytes allows.
  [[nodiscard]] std::vector<bool> sparing_blocks(at::IntArrayRef tokens) const;
};

// One level of the pyramid: doubles the map `ups` times, or halves it for -1, and applies a 1x1 and a 3x3 convolution.
struct PyramidLevel : Module {
  PyramidLevel(Module& parent, std::string name, std::int64_t in, std::int64_t out, int ups);
  [[nodiscard]] at::Tensor operator()(at::Tensor x) const;
  bool halves;
  std::deque<Upconv> upconvs;
  std::deque<Conv> convs;
};

struct VisionBackbone : Module {
  VisionBackbone(Module& parent, const Sizes& sizes, double drop_path_rate, Keeping keeping);
  // Maps of 4, 2 and 1 times the patch grid, [B, d_model, h, w]. The level of one half has weights in published checkpoints,
  // but is not computed: the published model discards it (`scalp`).
  [[nodiscard]] std::array<at::Tensor, 3> operator()(const at::Tensor& images) const;
  Vit trunk;
  ModuleList list;
  std::deque<PyramidLevel> convs;
};

}  // namespace sam3lab::sam3
