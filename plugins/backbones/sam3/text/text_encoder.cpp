#include "plugins/backbones/sam3/text/text_encoder.h"

#include <limits>
#include <utility>

#include <ATen/ATen.h>

#include "plugins/backbones/sam3/kernels/recompute.h"
#include "plugins/backbones/sam3/text/tokenizer.h"

namespace sam3lab::sam3 {

TextMlp::TextMlp(Module& parent, std::int64_t width)
    : Module(parent, "mlp"), c_fc(*this, "c_fc", width, 4 * width), c_proj(*this, "c_proj", 4 * width, width) {
  offer({.name = "", .kind = InjectionPoint::Kind::block, .in = width, .out = width, .weight = ""}, slot);
}

at::Tensor TextMlp::operator()(const at::Tensor& x) const { return slot(x, c_proj(at::gelu(c_fc(x))), training()); }

TextBlock::TextBlock(Module& parent, std::string name, std::int64_t width, std::int64_t heads)
    : Module(parent, std::move(name)),
      attn(*this, "attn", width, heads, 0.0),
      ln_1(*this, "ln_1", width),
      ln_2(*this, "ln_2", width),
      mlp(*this, width) {}

at::Tensor TextBlock::operator()(const at::Tensor& x, const at::Tensor& mask) const {
  const at::Tensor normed = ln_1(x);
  const at::Tensor mixed = x + attn(normed, normed, normed, mask);
  return mixed + mlp(ln_2(mixed));
}

TextTransformer::TextTransformer(Module& parent, const Sizes& sizes, bool again)
    : Module(parent, "encoder"),
      positional_embedding(parameter("positional_embedding", {sizes.context_length, sizes.text_width})),
      text_projection(parameter("text_projection", {sizes.text_width, 512})),
      token_embedding(*this, "token_embedding", Tokenizer::vocabulary_size, sizes.text_width),
      transformer(*this, "transformer"),
      list(transformer, "resblocks"),
      ln_final(*this, "ln_final", sizes.text_width),
      recomputes(again) {
  for (std::int64_t i = 0; i < sizes.text_layers; ++i) {
    blocks.emplace_back(list, std::to_string(i), sizes.text_width, sizes.text_heads);
  }
}

at::Tensor TextTransformer::operator()(const at::Tensor& tokens) const {
  const std::int64_t length = tokens.size(1);
  at::Tensor x = token_embedding(tokens) + positional_embedding.narrow(0, 0, length);
  const at::Tensor mask =
      at::full({length, length}, -std::numeric_limits<float>::infinity(), x.options().requires_grad(false)).triu_(1);
  for (const TextBlock& block : blocks) {
    const bool again = recomputes && in_training_pass() && (x.requires_grad() || block.trains());
    x = again ? recompute([&block, mask](const std::vector<at::Tensor>& in) { return block(in[0], mask); }, {x})
              : block(x, mask);
  }
  return ln_final(x);
}

LanguageBackbone::LanguageBackbone(Module& parent, const Sizes& sizes, bool recomputes)
    : Module(parent, "language_backbone"),
      encoder(*this, sizes, recomputes),
      resizer(*this, "resizer", sizes.text_width, sizes.d_model) {}

at::Tensor LanguageBackbone::operator()(const at::Tensor& tokens) const { return resizer(encoder(tokens)); }

}  // namespace sam3lab::sam3
