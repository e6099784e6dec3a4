#include "plugins/backbones/sam3/model/feature_cache.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include <sam3lab/api/options.h>

#include "plugins/backbones/sam3/model/model.h"

namespace sam3lab::sam3 {

namespace {

// An adapter module may depend on more than its parameters (a factor, a form), so a module with one is never cached.
bool frozen(const Module& module) {
  Module::InjectionPoints points;
  module.collect_injection_points(points);
  return !module.trains() && std::ranges::all_of(points, [](const auto& point) { return point.second->empty(); });
}

struct Describe {
  std::string& text;
  template <class T>
  void operator()(const char* name, T& field, const Limits& = {}) {
    text += std::string(" ") + name + "=" + format_value(detail::to_option(field));
  }
};

std::string text_of(Sizes sizes) {
  std::string text;
  sizes.visit(Describe{text});
  return text;
}

// The type that results are computed in.
std::string arithmetic(const at::Tensor& like) {
  const auto device = like.device().type();
  const bool reduced = at::autocast::is_autocast_enabled(device);
  return c10::DeviceTypeName(device, true) + " " + c10::toString(like.scalar_type()) + " " +
         (reduced ? c10::toString(at::autocast::get_autocast_dtype(device)) : "as it is");
}

at::Tensor joined(const std::vector<at::Tensor>& parts) { return parts.size() == 1 ? parts.front() : at::cat(parts); }

Fused fuse_all(const Network& network, const Queries& queries, const at::Tensor& image, const at::Tensor& position) {
  const Sequence geometry = network.geometry(queries.boxes, image, position, queries.image_index);
  // Text keeps its padding in place; the prompt is one sequence with a mask, not a compact one.
  const at::Tensor prompt = at::cat({queries.language, geometry.tokens}, 1);
  const at::Tensor padding = at::cat({queries.tokens.eq(0), geometry.padding}, 1);
  return {prompt, padding, network.encoder(image, position, prompt, padding, queries.image_index)};
}

// Prompt q without padded boxes, of image 0.
Queries one_query(const Queries& all, std::int64_t q) {
  const auto row = [q](const at::Tensor& t) { return t.narrow(0, q, 1); };
  Queries queries{row(all.tokens), row(all.language), GeometricPrompts::none(1, all.boxes.boxes.options()),
                  at::zeros({1}, all.image_index.options())};
  const at::Tensor used = all.boxes.box_padding[q].logical_not().nonzero().squeeze(1);
  queries.boxes.boxes = row(all.boxes.boxes).index_select(1, used);
  queries.boxes.box_labels = row(all.boxes.box_labels).index_select(1, used);
  queries.boxes.box_padding = row(all.boxes.box_padding).index_select(1, used);
  return queries;
}

}  // namespace

Features::Features(const Network& network, const Sizes& sizes)
    : network_(network),
      sizes_(sizes),
      images_{"image encoder", {&network.vision}, false, ""},
      texts_{"text encoder", {&network.language}, false, ""},
      fusion_{"fusion encoder", {&network.geometry, &network.encoder}, false, ""} {}

std::vector<std::string> Features::cache_in(std::shared_ptr<FeatureStore> store) {
  store_ = std::move(store);
  std::vector<std::string> names;
  bool before = true;  // images and texts, which the fusion encoder reads, are cached
  for (CachedModule* cached : {&images_, &texts_, &fusion_}) {
    cached->on = store_ && std::ranges::all_of(cached->modules, [](const Module* module) { return frozen(*module); });
    if (cached == &fusion_) cached->on = cached->on && before;
    before = before && cached->on;
    cached->weights.clear();
    if (cached->on) names.push_back(cached->name);
  }
  return names;
}

std::string Features::key(CachedModule& cached, const at::Tensor& like, const std::string& input) {
  if (cached.weights.empty()) {
    NamedTensors all;
    for (const Module* module : cached.modules) module->collect(all);
    cached.weights = store_->digest(all);
  }
  return "backbone/sam3, " + cached.name + "\nsizes" + text_of(sizes_) + "\nweights " + cached.weights + "\narithmetic " +
         arithmetic(like) + "\ninput " + input;
}

Features::Results Features::look_up(const std::string& key, const Shapes& shapes, const at::Tensor& like,
                                    const std::function<Results()>& make) {
  Results found = store_->find(key);
  if (std::ranges::equal(found, shapes, [](const at::Tensor& t, const auto& shape) { return t.sizes() == shape; })) {
    for (at::Tensor& tensor : found) tensor = tensor.to(like.device());
    return found;
  }
  const at::NoGradGuard no_grad;
  Results made = make();
  // The memory layout decides which kernel computes with it, and so about rounding. The cache keeps dense layouts alone.
  for (at::Tensor& tensor : made) {
    if (!tensor.is_non_overlapping_and_dense()) tensor = tensor.contiguous();
  }
  store_->put(key, made);
  return made;
}

at::Tensor Features::texts(const at::Tensor& tokens) {
  if (!texts_.on) return network_.language(tokens);
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < tokens.size(0); ++i) {
    const at::Tensor row = tokens.narrow(0, i, 1);
    all.push_back(look_up(key(texts_, row, store_->digest({{"", row}})), {{1, tokens.size(1), sizes_.d_model}}, row, [&] {
                    return Results{network_.language(row)};
                  }).front());
  }
  return joined(all);
}

Encoded Features::images(const at::Tensor& images) {
  if (!images_.on) return {network_.vision(images), {}};
  const std::int64_t side = sizes_.grid(), width = sizes_.d_model;
  const Shapes shapes{{1, width, 4 * side, 4 * side}, {1, width, 2 * side, 2 * side}, {1, width, side, side}};
  Encoded encoded;
  std::array<std::vector<at::Tensor>, 3> levels;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const at::Tensor image = images.narrow(0, i, 1);
    encoded.keys.push_back(key(images_, image, store_->digest({{"", image}})));
    const Results results = look_up(encoded.keys.back(), shapes, image, [&] {
      const std::array<at::Tensor, 3> made = network_.vision(image);
      return Results(made.begin(), made.end());
    });
    for (std::size_t level = 0; level < levels.size(); ++level) levels[level].push_back(results[level]);
  }
  for (std::size_t level = 0; level < levels.size(); ++level) encoded.pyramid[level] = joined(levels[level]);
  return encoded;
}

Fused Features::fuse(const Queries& queries, const Encoded& images, const at::Tensor& image, const at::Tensor& position) {
  if (!fusion_.on) return fuse_all(network_, queries, image, position);
  const at::Tensor index = queries.image_index.cpu();
  // The sequence is as long as if all prompts had been encoded together; what is masked is zero.
  const std::int64_t tokens = queries.tokens.size(1), longest = queries.boxes.boxes.size(1) + 1;
  const at::Tensor places = at::arange(longest, queries.image_index.options()).unsqueeze(0);
  std::vector<at::Tensor> prompts, paddings, memories;
  for (std::int64_t q = 0; q < queries.tokens.size(0); ++q) {
    const Queries one = one_query(queries, q);
    const std::int64_t own = one.boxes.boxes.size(1) + 1, b = index[q].item<std::int64_t>();
    const std::string input =
        store_->digest({{"tokens", one.tokens}, {"boxes", one.boxes.boxes}, {"labels", one.boxes.box_labels}});
    const std::string behind = "\nof " + images.keys[static_cast<std::size_t>(b)] + "\nand " + key(texts_, one.tokens, "");
    const Results results =
        look_up(key(fusion_, image, input + behind), {{1, image.size(1), image.size(2)}, {1, own, image.size(2)}}, image, [&] {
          const Fused made = fuse_all(network_, one, image.narrow(0, b, 1), position);
          return Results{made.memory, made.prompt.narrow(1, tokens, own)};
        });
    memories.push_back(results[0]);
    prompts.push_back(at::cat({one.language, at::constant_pad_nd(results[1], {0, 0, 0, longest - own})}, 1));
    paddings.push_back(at::cat({one.tokens.eq(0), places.ge(own)}, 1));
  }
  return {joined(prompts), joined(paddings), joined(memories)};
}

}  // namespace sam3lab::sam3
