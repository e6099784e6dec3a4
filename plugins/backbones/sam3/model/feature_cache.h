// What stands before the query decoder: texts, images, and their fusion. What its frozen parts compute can be kept in a store
// and looked up there (Backbone::cache_features).
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <sam3lab/api/feature_store.h>

#include "plugins/backbones/sam3/model/geometry.h"
#include "plugins/backbones/sam3/model/options.h"

namespace sam3lab::sam3 {

struct Network;

// Q prompts, each of one image.
struct Asked {
  at::Tensor tokens;       // [Q, L] int64, zeros behind the end
  at::Tensor language;     // [Q, L, d], what the text encoder makes of them
  GeometricPrompts boxes;  // without points
  at::Tensor image_index;  // [Q] int64
};

struct Fused {
  at::Tensor prompt;   // [Q, L + P + 1, d] texts, boxes, class token
  at::Tensor padding;  // [Q, L + P + 1] bool, true = padded
  at::Tensor memory;   // [Q, HW, d] image tokens that have read the prompt
};

struct Encoded {
  std::array<at::Tensor, 3> pyramid;  // of B images, [B, d, h, w]
  std::vector<std::string> keys;      // B, or none where images are not kept
};

// With a store, each text, image and prompt goes through a frozen part alone, and not beside what else a pass asks for: what
// comes out is then the same whatever the store has already.
class Features {
 public:
  Features(const Network& network, const Sizes& sizes);

  // Null: nothing is kept. Which parts can be is settled here: those without anything that trains and without additions, behind
  // nothing of the kind. Returns their names. Digests of their weights are taken when they are first needed.
  std::vector<std::string> keep_in(std::shared_ptr<FeatureStore> store);

  [[nodiscard]] at::Tensor texts(const at::Tensor& tokens);  // [T, L] -> [T, L, d]
  [[nodiscard]] Encoded images(const at::Tensor& images);    // [B, 3, R, R]
  // `image` [B, HW, d] is the last level of the pyramid, `position` [1, HW, d].
  [[nodiscard]] Fused fuse(const Asked& asked, const Encoded& images, const at::Tensor& image, const at::Tensor& position);

 private:
  using Kept = std::vector<at::Tensor>;  // of one item, each with a leading dimension of 1
  using Shapes = std::vector<std::vector<std::int64_t>>;
  // A part of the model whose results are kept.
  struct Keeper {
    std::string name;
    std::vector<const Module*> made_by;
    bool on = false;
    std::string weights;  // digest; empty until it is needed
  };
  [[nodiscard]] std::string key(Keeper& keeper, const at::Tensor& like, const std::string& input);
  [[nodiscard]] Kept look_up(const std::string& key, const Shapes& shapes, const at::Tensor& like,
                             const std::function<Kept()>& make);

  const Network& network_;
  Sizes sizes_;
  std::shared_ptr<FeatureStore> store_;
  Keeper images_, texts_, fusion_;
};

}  // namespace sam3lab::sam3
