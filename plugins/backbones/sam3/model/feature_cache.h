// The modules before the query decoder: texts, images and their fusion. What the frozen ones compute can be cached
// (Backbone::cache_features).
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
struct Queries {
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
  std::vector<std::string> keys;      // B, or none where images are not cached
};

// With a store, each text, image and prompt goes through a frozen module alone, not in a batch with the others of the pass. So
// the result is the same whatever the store has already.
class Features {
 public:
  Features(const Network& network, const Sizes& sizes);

  // Null: nothing is cached. Decides which modules are: those without anything that trains and without adapter modules, which
  // also read nothing of that kind. Returns their names. Digests of their weights are taken when they are first needed.
  std::vector<std::string> cache_in(std::shared_ptr<FeatureStore> store);

  [[nodiscard]] at::Tensor texts(const at::Tensor& tokens);  // [T, L] -> [T, L, d]
  [[nodiscard]] Encoded images(const at::Tensor& images);    // [B, 3, R, R]
  // `image` [B, HW, d] is the last level of the pyramid, `position` [1, HW, d].
  [[nodiscard]] Fused fuse(const Queries& queries, const Encoded& images, const at::Tensor& image, const at::Tensor& position);

 private:
  using Results = std::vector<at::Tensor>;  // of one item, each with a leading dimension of 1
  using Shapes = std::vector<std::vector<std::int64_t>>;
  // A part of the network whose results are cached if `on`.
  struct CachedModule {
    std::string name;
    std::vector<const Module*> modules;
    bool on = false;
    std::string weights;  // digest; empty until it is needed
  };
  [[nodiscard]] std::string key(CachedModule& cached, const at::Tensor& like, const std::string& input);
  [[nodiscard]] Results look_up(const std::string& key, const Shapes& shapes, const at::Tensor& like,
                                const std::function<Results()>& make);

  const Network& network_;
  Sizes sizes_;
  std::shared_ptr<FeatureStore> store_;
  CachedModule images_, texts_, fusion_;
};

}  // namespace sam3lab::sam3
