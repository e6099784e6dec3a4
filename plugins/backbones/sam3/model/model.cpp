#include "plugins/backbones/sam3/model/model.h"

#include <array>
#include <unordered_map>
#include <utility>

#include <ATen/ATen.h>

#include <sam3lab/api/error.h>

#include "core/base/did_you_mean.h"
#include "plugins/backbones/sam3/checkpoint/sam3_layouts.h"
#include "plugins/backbones/sam3/model/initialise.h"
#include "plugins/backbones/sam3/text/vocabulary.h"

namespace sam3lab::sam3 {

Network::Network(const Sizes& sizes, double dropout, double drop_path, Keeping keeping)
    : backbone(*this, "backbone"),
      vision(backbone, sizes, drop_path, keeping),
      language(backbone, sizes, keeping.recomputes),
      geometry(*this, sizes, dropout, keeping.recomputes),
      transformer(*this, "transformer"),
      encoder(transformer, sizes, dropout, keeping.recomputes && !keeping.fusion),
      decoder(transformer, sizes, dropout, keeping.recomputes),
      segmentation(*this, sizes, keeping.recomputes),
      scoring(*this, sizes, dropout) {}

void Network::keep(const Keeping& keeping) {
  vision.trunk.keeping = keeping;
  encoder.recomputes = keeping.recomputes && !keeping.fusion;
  for (bool* recomputes : {&language.encoder.recomputes, &geometry.recomputes, &decoder.recomputes, &segmentation.recomputes})
    *recomputes = keeping.recomputes;
}

Sam3::Sam3(const Sam3Options& options)
    : options_(options),
      sizes_(resolve(options)),
      tokenizer_(find_vocabulary(options.vocabulary)),
      network_(sizes_, options.dropout, options.drop_path, keeping(options, sizes_)),
      features_(network_, sizes_),
      sines_(sizes_.d_model) {}

std::string Sam3::use_memory_policy(MemoryPolicy policy) {
  const Keeping kept = keeping(options_, sizes_, policy);
  network_.keep(kept);
  return keeping_text(kept);
}

NamedTensors Sam3::parameters() {
  NamedTensors all;
  network_.collect(all);
  return all;
}

void Sam3::initialise(std::uint64_t seed) { initialise_weights(parameters(), seed); }

void Sam3::move(c10::Device device) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters()) parameter.set_data(parameter.to(device));
  network_.vision.trunk.move_phases(device);  // grids of sines follow the tensors that ask for them
}

std::vector<std::int64_t> Sam3::tokenize(const std::string& text) const { return tokenizer_.row(text, sizes_.context_length); }

std::shared_ptr<const CheckpointLayouts> Sam3::layouts() { return std::make_shared<Sam3Layouts>(); }

ParameterLocation Sam3::locate(const std::string& parameter) const {
  const auto below = [&](const char* prefix) { return parameter.rfind(prefix, 0) == 0; };
  // Block number behind `list`, or nothing.
  const auto layer = [&](const std::string& list, std::int64_t blocks, bool embeds) {
    if (const auto at = parameter.find(list); at != std::string::npos)
      return std::int64_t{1} + std::stol(parameter.substr(at + list.size()));
    return embeds ? std::int64_t{0} : blocks + 1;
  };
  const auto holds = [&](const char* word) { return parameter.find(word) != std::string::npos; };
  if (below("backbone.vision_backbone.")) {
    const bool embeds = holds("pos_embed") || holds("patch_embed") || holds("ln_pre");
    return {"vision", layer("trunk.blocks.", sizes_.depth, embeds), sizes_.depth, holds("pos_embed")};
  }
  if (below("backbone.language_backbone.")) {
    return {"text", layer("resblocks.", sizes_.text_layers, holds("_embedding")), sizes_.text_layers,
            holds("positional_embedding")};
  }
  if (below("geometry_encoder.")) return {.module = "geometry"};
  if (below("segmentation_head.")) return {.module = "segmentation"};
  if (below("dot_prod_scoring.")) return {.module = "scoring"};
  return {.module = "transformer"};
}

Module::InjectionPoints Sam3::adapter_slots() const {
  Module::InjectionPoints all;
  network_.collect_injection_points(all);
  // Without what no pass reads: projections of point prompts, and blocks behind the last global one.
  const auto unread = [&](const std::pair<InjectionPoint, AdapterSlot*>& entry) {
    const std::string& name = entry.first.name;
    if (name.starts_with("geometry_encoder.points_")) return true;
    const std::string blocks = "backbone.vision_backbone.trunk.blocks.";
    return name.starts_with(blocks) && std::stol(name.substr(blocks.size())) >= network_.vision.trunk.used_blocks;
  };
  std::erase_if(all, unread);
  return all;
}

std::vector<InjectionPoint> Sam3::injection_points() const {
  std::vector<InjectionPoint> result;
  for (auto& [point, adapter] : adapter_slots()) result.push_back(std::move(point));
  return result;
}

std::vector<std::string> Sam3::cache_features(std::shared_ptr<FeatureStore> store) {
  return features_.cache_in(std::move(store));
}

void Sam3::attach(const std::string& point, std::shared_ptr<const AdapterModule> module) {
  features_.cache_in(nullptr);  // cached features may not be what the model computes from now on
  std::vector<std::string> names;
  for (const auto& [known, adapter] : adapter_slots()) {
    if (known.name == point) return adapter->hold(std::move(module));
    names.push_back(known.name);
  }
  throw UsageError(Fault{"backbone/sam3", "no injection point of this name", point, "", did_you_mean(point, names)});
}

void Sam3::check(const Batch& batch) const {
  const auto demand = [](bool holds, const char* what, const std::string& got, const std::string& expected) {
    if (!holds) throw DataError(Fault{"backbone/sam3", what, got, expected, ""});
  };
  const auto shape = [](const at::Tensor& t) {
    return t.defined() ? c10::str(t.sizes()) + " " + c10::str(t.scalar_type()) : "none";
  };
  const auto q = static_cast<std::int64_t>(batch.texts.size());
  const std::int64_t r = sizes_.img_size;
  const std::string side = std::to_string(r), queries = std::to_string(q);
  demand(q > 0, "a batch without prompts", "0", "at least 1");
  demand(batch.images.defined() && batch.images.dim() == 4 && batch.images.sizes().slice(1) == at::IntArrayRef({3, r, r}) &&
             batch.images.is_floating_point() && batch.images.size(0) > 0,
         "images do not fit the model", shape(batch.images), "[B, 3, " + side + ", " + side + "] float");
  demand(batch.image_index.defined() && batch.image_index.sizes() == at::IntArrayRef({q}) &&
             batch.image_index.scalar_type() == at::kLong,
         "image_index does not fit the prompts", shape(batch.image_index), "[" + queries + "] int64");
  const std::int64_t low = batch.image_index.min().item<std::int64_t>(), high = batch.image_index.max().item<std::int64_t>();
  demand(low >= 0 && high < batch.images.size(0), "image_index points outside the batch", std::to_string(low < 0 ? low : high),
         "0 to " + std::to_string(batch.images.size(0) - 1));
  const BoxPrompts& boxes = batch.box_prompts;
  if (!boxes.boxes.defined()) return;
  demand(boxes.boxes.dim() == 3 && boxes.boxes.size(0) == q && boxes.boxes.size(2) == 4, "box prompts do not fit the prompts",
         shape(boxes.boxes), "[" + queries + ", P, 4]");
  const auto fits = [&](const at::Tensor& t) { return t.defined() && t.sizes() == boxes.boxes.sizes().slice(0, 2); };
  demand(fits(boxes.labels), "labels do not fit the box prompts", shape(boxes.labels), "one per box");
  demand(!boxes.padding.defined() || fits(boxes.padding), "padding does not fit the box prompts", shape(boxes.padding),
         "one per box");
  // Also keeps RoIAlign's sampling grid bounded.
  demand(boxes.boxes.ge(-1.0).logical_and(boxes.boxes.le(2.0)).all().item<bool>(), "a box prompt lies off the image",
         "a coordinate below -1, above 2 or not a number", "cxcywh in 0..1");
  demand(boxes.labels.ge(0).logical_and(boxes.labels.le(1)).all().item<bool>(), "unknown label of a box prompt",
         "another number", "1 = positive or 0 = negative");
}

Sam3::Texts Sam3::read_texts(const Batch& batch) const {
  std::unordered_map<std::string, std::int64_t> seen;
  std::vector<std::int64_t> ids, index;
  for (const std::string& text : batch.texts) {
    const auto [found, fresh] = seen.try_emplace(text, static_cast<std::int64_t>(seen.size()));
    if (fresh) {
      const std::vector<std::int64_t> row = tokenize(text);
      ids.insert(ids.end(), row.begin(), row.end());
    }
    index.push_back(found->second);
  }
  const auto device = batch.images.device();
  const at::Tensor tokens = at::tensor(ids, at::kLong).view({-1, sizes_.context_length}).to(device);
  return {tokens, tokens.eq(0), at::tensor(index, at::kLong).to(device)};
}

GeometricPrompts Sam3::read_boxes(const Batch& batch, const at::TensorOptions& options) {
  const BoxPrompts& given = batch.box_prompts;
  const bool none = !given.boxes.defined() || given.boxes.size(1) == 0;
  GeometricPrompts prompts = GeometricPrompts::none(batch.image_index.size(0), options);
  if (!none) {
    const auto device = prompts.boxes.device();
    prompts.boxes = given.boxes.to(options);
    prompts.box_labels = given.labels.to(device, at::kLong);
    prompts.box_padding =
        given.padding.defined() ? given.padding.to(device, at::kBool) : at::zeros_like(prompts.box_labels, at::kBool);
  }
  return prompts;
}

void Sam3::predict(const std::vector<Decoded>& decoded, const at::Tensor& direction, const Masks& masks, Outputs& out) const {
  const std::int64_t k = sizes_.num_queries;
  const auto half = [k](const at::Tensor& t, std::int64_t which) { return t.defined() ? t.narrow(1, which * k, k) : t; };
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const bool last = i + 1 == decoded.size();
    if (!last && !network_.in_training_pass()) continue;
    const at::Tensor logits = network_.scoring(decoded[i].states, direction);
    const at::Tensor mask = last ? masks.instances : at::Tensor();
    LayerOutputs layer;
    layer.presence = decoded[i].presence;
    layer.one_to_one = {half(logits, 0), half(decoded[i].boxes, 0), half(mask, 0)};
    if (network_.in_training_pass()) layer.one_to_many = {half(logits, 1), half(decoded[i].boxes, 1), half(mask, 1)};
    if (last) {
      out.last = std::move(layer);
    } else {
      out.auxiliary.push_back(std::move(layer));
    }
  }
  out.semantic = masks.semantic;
}

Outputs Sam3::forward(const Batch& batch) {
  check(batch);
  Outputs out;
  // Texts first, for the backward pass runs the other way: their gradients (1.4 GB) come when the image encoder's activations
  // are gone.
  const Texts texts = read_texts(batch);
  const at::Tensor language = features_.texts(texts.tokens);  // [T, L, d]
  const Encoded images = features_.images(batch.images);
  const std::array<at::Tensor, 3>& pyramid = images.pyramid;
  const std::int64_t side = sizes_.grid();
  const at::Tensor image = pyramid[2].flatten(2).transpose(1, 2);  // [B, HW, d]
  const at::TensorOptions options = image.options().requires_grad(false);
  const at::Tensor position = sines_(side, side, options);

  // Boxes stay float32 under autocast.
  const Queries queries{texts.tokens.index_select(0, texts.index), language.index_select(0, texts.index),
                        read_boxes(batch, options.dtype(at::kFloat)), batch.image_index};
  const auto [prompt, padding, memory] = features_.fuse(queries, images, image, position);
  const std::vector<Decoded> decoded = network_.decoder(memory, position, prompt, padding);
  const Masks masks = network_.segmentation(pyramid, batch.image_index, decoded.back().states, memory, prompt, padding);
  predict(decoded, network_.scoring.direction(prompt, padding), masks, out);

  // Sequence first, as the published package returns them.
  out.extras["encoder_hidden_states"] = memory.transpose(0, 1);
  out.extras["language_features"] = language.transpose(0, 1);
  out.extras["language_mask"] = texts.padding.to(at::kByte);
  out.extras["tokens"] = texts.tokens;
  for (std::size_t i = 0; i < pyramid.size(); ++i) out.extras["backbone_fpn." + std::to_string(i)] = pyramid[i];
  // For losses, by query.
  const at::Tensor counts = texts.padding.logical_not().to(language.scalar_type()).unsqueeze(-1);
  out.extras["prompt_embedding"] = ((language * counts).sum(1) / counts.sum(1)).index_select(0, texts.index);
  out.extras["prompt_tokens"] = texts.tokens.index_select(0, texts.index);
  out.extras["pixel_features"] = pyramid[2].index_select(0, batch.image_index);
  return out;
}

}  // namespace sam3lab::sam3
