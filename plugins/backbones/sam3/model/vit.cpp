#include "plugins/backbones/sam3/model/vit.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include "plugins/backbones/sam3/model/position.h"
#include "plugins/backbones/sam3/kernels/recompute.h"
#include "plugins/backbones/sam3/kernels/rotary_attention.h"

namespace sam3lab::sam3 {

RotaryAttention::RotaryAttention(Module& parent, std::int64_t width, std::int64_t n)
    : Module(parent, "attn"), heads(n), qkv(*this, "qkv", width), proj(*this, "proj", width, width) {
  offer({.name = "keys_values", .kind = InjectionPoint::Kind::attention, .in = n, .out = width / n, .weight = ""}, keys_values);
  offer({.name = "", .kind = InjectionPoint::Kind::block, .in = width, .out = width, .weight = ""}, whole);
}

at::Tensor RotaryAttention::operator()(const at::Tensor& x, const at::Tensor& phases) const {
  return whole(x, mix(qkv(x), phases), training());
}

at::Tensor RotaryAttention::mix(const at::Tensor& packed, const at::Tensor& phases) const {
  const std::int64_t length = packed.size(1), head = packed.size(2) / 3 / heads;
  const at::Tensor all = packed.view({packed.size(0), length, 3, heads, head});
  if (keys_values.empty() && all.is_cpu() && all.scalar_type() == at::kFloat) {
    return proj(rotary_attention(all, phases).transpose(1, 2).flatten(2));
  }
  // Queries and keys are rotated together; complex numbers need float32.
  const at::Tensor pairs = at::view_as_complex(all.narrow(2, 0, 2).to(at::kFloat).unflatten(-1, {head / 2, 2}));
  const at::Tensor turned = at::view_as_real(pairs * phases.view({length, 1, 1, head / 2})).flatten(-2).to(all.scalar_type());
  at::Tensor keys = turned.select(2, 1).transpose(1, 2), values = all.select(2, 2).transpose(1, 2), no_mask;
  keys_values.lengthen(keys, values, no_mask, training());
  const at::Tensor attended = at::scaled_dot_product_attention(turned.select(2, 0).transpose(1, 2), keys, values);
  return proj(attended.transpose(1, 2).flatten(2));
}

VitMlp::VitMlp(Module& parent, std::int64_t width, std::int64_t hidden)
    : Module(parent, "mlp"), fc1(*this, "fc1", width, hidden), fc2(*this, "fc2", hidden, width) {
  offer({.name = "", .kind = InjectionPoint::Kind::block, .in = width, .out = width, .weight = ""}, slot);
}

at::Tensor VitMlp::operator()(const at::Tensor& x) const { return slot(x, fc2(at::gelu(fc1(x))), training()); }

VitBlock::VitBlock(Module& parent, std::string name, const Sizes& sizes, std::int64_t side, double drop_path_rate)
    : Module(parent, std::move(name)),
      window(side),
      rate(drop_path_rate),
      norm1(*this, "norm1", sizes.embed_dim),
      attn(*this, sizes.embed_dim, sizes.num_heads),
      norm2(*this, "norm2", sizes.embed_dim),
      mlp(*this, sizes.embed_dim, sizes.mlp_width()) {}

namespace {

// [B, H, W, C] -> [B * windows, side * side, C], zero-padded at the right and the bottom to whole windows.
at::Tensor to_windows(const at::Tensor& x, std::int64_t side) {
  const std::int64_t down = (side - x.size(1) % side) % side, across = (side - x.size(2) % side) % side;
  const at::Tensor padded = down + across > 0 ? at::constant_pad_nd(x, {0, 0, 0, across, 0, down}) : x;
  return padded.unflatten(2, {padded.size(2) / side, side})
      .unflatten(1, {padded.size(1) / side, side})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({-1, side * side, x.size(3)});
}

at::Tensor from_windows(const at::Tensor& windows, std::int64_t side, at::IntArrayRef shape) {
  const std::int64_t rows = (shape[1] + side - 1) / side, columns = (shape[2] + side - 1) / side;
  return windows.view({shape[0], rows, columns, side, side, shape[3]})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({shape[0], rows * side, columns * side, shape[3]})
      .narrow(1, 0, shape[1])
      .narrow(2, 0, shape[2]);
}

}  // namespace

bool VitBlock::bare() const {
  InjectionPoints points;
  collect_injection_points(points);
  return std::all_of(points.begin(), points.end(), [](const auto& point) { return point.second->empty(); });
}

VitBlock::Weights VitBlock::droppable() const {
  // The weights of adapter modules would not get gradients of zero from a skipped branch.
  if (!training() || rate <= 0.0 || !bare()) return {};
  return {{norm1.weight, norm1.bias, attn.qkv.weight, attn.qkv.bias, attn.proj.weight, attn.proj.bias},
          {norm2.weight, norm2.bias, mlp.fc1.weight, mlp.fc1.bias, mlp.fc2.weight, mlp.fc2.bias}};
}

at::Tensor VitBlock::operator()(const at::Tensor& x, const at::Tensor& phases) const {
  const Weights own = droppable();
  const at::Tensor mixed = add_path(x, rate, training(), own.attention, [&](const at::Tensor& in) {
    const at::Tensor normed = norm1(in);
    if (window == 0) return attn(normed.flatten(1, 2), phases).view(in.sizes());
    return from_windows(attn(to_windows(normed, window), phases), window, in.sizes());
  });
  return add_path(mixed, rate, training(), own.mlp, [&](const at::Tensor& in) { return mlp(norm2(in)); });
}

bool VitBlock::can_be_sparing() const {
  return bare() && !at::autocast::is_autocast_enabled(at::kCPU) && norm1.weight.is_cpu();
}

at::Tensor VitBlock::sparing(const at::Tensor& x, const at::Tensor& phases, bool keep_hidden) const {
  const Weights own = droppable();
  const at::Tensor mixed = add_path(x, rate, training(), own.attention, [&](const at::Tensor& in) {
    const Before tokens = [this](const at::Tensor& before) {
      const at::Tensor normed = norm1(before);
      return window > 0 ? to_windows(normed, window) : normed.flatten(1, 2);
    };
    const at::Tensor attended = attn.mix(linear_of(tokens, in, attn.qkv.weight, attn.qkv.bias), phases);
    return window > 0 ? from_windows(attended, window, in.sizes()) : attended.view(in.sizes());
  });
  return add_path(mixed, rate, training(), own.mlp, [&](const at::Tensor& in) {
    const Before normed = [this](const at::Tensor& before) { return norm2(before); };
    const Before activated = [](const at::Tensor& before) { return at::gelu(before); };
    const Before both = [this](const at::Tensor& before) { return at::gelu(mlp.fc1(norm2(before))); };
    if (!keep_hidden) return linear_of(both, in, mlp.fc2.weight, mlp.fc2.bias, true);
    return linear_of(activated, linear_of(normed, in, mlp.fc1.weight, mlp.fc1.bias), mlp.fc2.weight, mlp.fc2.bias, true);
  });
}

std::int64_t VitBlock::sparing_bytes(at::IntArrayRef tokens, bool keep_hidden) const {
  const std::int64_t width = tokens.back(), hidden = keep_hidden ? mlp.fc1.weight.size(0) : 0;
  // The input; queries, keys and values; the output of attention; the sum after it; the hidden layer of the MLP.
  return c10::multiply_integers(tokens.slice(0, tokens.size() - 1)) * (6 * width + hidden) * 4;
}

Vit::Vit(Module& parent, const Sizes& sizes, double drop_path_rate, Keeping what)
    : Module(parent, "trunk"),
      pos_embed(parameter("pos_embed", {1, 1 + sizes.pretrain_grid() * sizes.pretrain_grid(), sizes.embed_dim})),
      patch_embed(*this, "patch_embed"),
      proj(patch_embed, "proj",
           {.in = 3, .out = sizes.embed_dim, .kernel = sizes.patch_size, .stride = sizes.patch_size, .bias = false}),
      list(*this, "blocks"),
      ln_pre(*this, "ln_pre", sizes.embed_dim),
      used_blocks(sizes.global_att_blocks.back() + 1),
      keeping(what) {
  const std::int64_t head = sizes.embed_dim / sizes.num_heads;
  window_phases = axial_phases(head, sizes.window_size, 1.0);
  // The grid was learnt at window size, so coordinates of the whole image are scaled to it.
  global_phases = axial_phases(head, sizes.grid(), static_cast<double>(sizes.window_size) / static_cast<double>(sizes.grid()));
  const double last = static_cast<double>(sizes.depth - 1);
  for (std::int64_t i = 0; i < sizes.depth; ++i) {
    const double rate = last > 0 ? drop_path_rate * static_cast<double>(i) / last : 0.0;
    blocks.emplace_back(list, std::to_string(i), sizes, sizes.is_global(i) ? 0 : sizes.window_size, rate);
  }
}

void Vit::move_phases(c10::Device device) {
  window_phases = window_phases.to(device);
  global_phases = global_phases.to(device);
}

std::vector<bool> Vit::sparing_blocks(at::IntArrayRef tokens) const {
  std::vector<bool> chosen(static_cast<std::size_t>(used_blocks), false);
  const std::int64_t each = blocks.front().sparing_bytes(tokens, keeping.hidden);
  std::int64_t room = keeping.bytes;
  // Global blocks come first, because recomputing them costs the most. Then the last blocks: what they keep is freed before
  // early blocks need memory for gradients.
  for (const bool global : {true, false}) {
    for (std::size_t i = chosen.size(); i-- > 0;) {
      if ((blocks[i].window == 0) != global || room < each) continue;
      chosen[i] = true;
      room -= each;
    }
  }
  return chosen;
}

at::Tensor Vit::operator()(const at::Tensor& images) const {
  at::Tensor x = proj(images).permute({0, 2, 3, 1});
  const std::int64_t side = x.size(1);
  const std::int64_t learnt = std::llround(std::sqrt(static_cast<double>(pos_embed.size(1) - 1)));
  at::Tensor position = pos_embed.narrow(1, 1, learnt * learnt).view({1, learnt, learnt, pos_embed.size(2)});
  if (side != learnt) {
    const std::int64_t times = side / learnt + 1;
    position = position.repeat({1, times, times, 1}).narrow(1, 0, side).narrow(2, 0, side);
  }
  x = ln_pre(x + position);
  const std::vector<bool> sparing = sparing_blocks(x.sizes());
  for (std::size_t i = 0; i < static_cast<std::size_t>(used_blocks); ++i) {
    const VitBlock& block = blocks[i];
    const at::Tensor& phases = block.window > 0 ? window_phases : global_phases;
    const bool again = keeping.recomputes && in_training_pass() && (x.requires_grad() || block.trains());
    if (again && sparing[i] && block.can_be_sparing()) {
      x = block.sparing(x, phases, keeping.hidden);
    } else if (again) {
      // sparing() here, too: its results of the second run are needed only until the backward pass of the block, and the last
      // product is skipped.
      const Step step = [&block, phases](const std::vector<at::Tensor>& in) {
        return block.can_be_sparing() ? block.sparing(in[0], phases, true) : block(in[0], phases);
      };
      x = recompute(step, {x});
    } else {
      x = block(x, phases);
    }
  }
  return x.permute({0, 3, 1, 2});
}

PyramidLevel::PyramidLevel(Module& parent, std::string name, std::int64_t in, std::int64_t out, int ups)
    : Module(parent, std::move(name)), halves(ups < 0) {
  for (int i = 0; i < ups; ++i) {
    upconvs.emplace_back(*this, ups == 1 ? "dconv_2x2" : "dconv_2x2_" + std::to_string(i), in, in / 2);
    in /= 2;
  }
  convs.emplace_back(*this, "conv_1x1", ConvShape{.in = in, .out = out, .kernel = 1});
  convs.emplace_back(*this, "conv_3x3", ConvShape{.in = out, .out = out, .kernel = 3, .padding = 1});
}

at::Tensor PyramidLevel::operator()(at::Tensor x) const {
  if (halves) x = at::max_pool2d(x, {2, 2});
  for (std::size_t i = 0; i + 1 < upconvs.size(); ++i) x = at::gelu(upconvs[i](x));
  return convs[1](upconvs.empty() ? convs[0](x) : upconvs.back()(x, convs[0]));
}

VisionBackbone::VisionBackbone(Module& parent, const Sizes& sizes, double drop_path_rate, Keeping keeping)
    : Module(parent, "vision_backbone"), trunk(*this, sizes, drop_path_rate, keeping), list(*this, "convs") {
  const std::array<int, 4> ups{2, 1, 0, -1};
  for (std::size_t i = 0; i < ups.size(); ++i) {
    convs.emplace_back(list, std::to_string(i), sizes.embed_dim, sizes.d_model, ups[i]);
  }
}

std::array<at::Tensor, 3> VisionBackbone::operator()(const at::Tensor& images) const {
  const at::Tensor x = trunk(images);
  return {convs[0](x), convs[1](x), convs[2](x)};
}

}  // namespace sam3lab::sam3
