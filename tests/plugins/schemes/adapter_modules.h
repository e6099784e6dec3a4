// A small SAM3 with formula weights, what it is asked, and what it says: for tests of schemes that add parameters.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <sam3lab/api/scheme.h>

#include "plugins/backbones/sam3/model/model.h"
#include "tests/plugins/sam3/formula.h"

namespace sam3lab::additions {

inline const SchemeInput usual{1e-3, 0.1, 7, {}};

inline sam3::Sam3Options tiny(const char* recompute = "off", double dropout = 0.0) {
  sam3::Sam3Options options;
  options.size = "tiny";
  options.dropout = options.drop_path = dropout;
  options.recompute = recompute;
  return options;
}

inline Batch two_images(bool boxes = true) {
  Batch batch;
  batch.images = formula::uniform("images", {2, 3, 112, 112}).to(at::kFloat);
  batch.texts = {"liver", "left lung", "liver"};
  batch.image_index = at::tensor({1, 0, 0}, at::kLong);
  if (!boxes) return batch;
  batch.box_prompts.boxes =
      at::tensor({0.5, 0.5, 0.2, 0.3, 0.4, 0.4, 0.1, 0.1, 0.6, 0.5, 0.2, 0.3}, at::kFloat).view({3, 1, 4});
  batch.box_prompts.labels = at::tensor({1, 0, 1}, at::kLong).view({3, 1});
  return batch;
}

inline void fill(Backbone& model) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : model.parameters()) tensor.copy_(formula::weight(name, tensor.sizes()));
}

// What a scheme adds starts without effect; this gives it one.
inline void stir(const NamedTensors& added, double size = 1.0) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : added) tensor.copy_(formula::weight(name, tensor.sizes()) * size);
}

inline std::vector<std::pair<std::string, at::Tensor>> results(const Outputs& outputs) {
  std::vector<std::pair<std::string, at::Tensor>> all{{"logits", outputs.last.one_to_one.logits},
                                                      {"boxes", outputs.last.one_to_one.boxes},
                                                      {"masks", outputs.last.one_to_one.masks},
                                                      {"presence", outputs.last.presence},
                                                      {"semantic", outputs.semantic}};
  for (const auto& [name, tensor] : outputs.extras) all.emplace_back(name, tensor);
  return all;
}

inline void expect_equal(const Outputs& a, const Outputs& b) {
  const auto left = results(a), right = results(b);
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_TRUE(at::equal(left[i].second, right[i].second)) << left[i].first;
}

inline Outputs evaluate(Backbone& model, const Batch& batch = two_images()) {
  const at::NoGradGuard no_grad;
  model.train(false);
  return model.forward(batch);
}

}  // namespace sam3lab::additions
