// SAM3's frozen parts, whose results are looked up in a store: nothing but time may change.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ATen/Parallel.h>
#include <torch/types.h>

#include "core/train/autocast.h"
#include "core/run/feature_cache.h"
#include "core/profile/flops.h"
#include "core/train/gradients.h"
#include "core/tensor/parallel_for.h"
#include "plugins/losses/box/box_loss.h"
#include "plugins/losses/classification_presence/classification_presence_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/matchers/hungarian/binary_hungarian.h"
#include "plugins/matchers/one_to_many/binary_one_to_many.h"
#include "plugins/schemes/full/full_scheme.h"
#include "plugins/schemes/head_only/head_only_scheme.h"
#include "plugins/schemes/lora/lora_scheme.h"
#include "tests/plugins/schemes/adapter_modules.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::sam3_feature_cache_test {
using namespace losses::box;
using namespace losses::classification_presence;
using namespace losses::instance_mask;
using namespace losses::semantic_mask;
using namespace matchers::hungarian;
using namespace matchers::one_to_many;
using namespace schemes::full;
using namespace schemes::head_only;
using namespace schemes::lora;
namespace {

using additions::tiny;
using additions::two_images;
using testing::ElementsAre;
using testing::IsEmpty;

class CachedFeatures : public testing::Test {
 protected:
  CachedFeatures() {
    store = std::make_shared<FeatureCache>(folder_.path(), 1'000'000'000, "test");
    at::set_num_threads(1);
  }

  // What was looked up without and with success since the last call.
  std::pair<std::int64_t, std::int64_t> looked_up() {
    const auto now = store->counts();
    const auto since = std::pair(now.missing - before_.missing, now.found - before_.found);
    before_ = now;
    EXPECT_EQ(now.not_kept, 0) << now.failure;
    return since;
  }

  std::shared_ptr<FeatureCache> store;

 private:
  test::TempFolder folder_;
  FeatureCache::Counts before_;
};

using Looked = std::pair<std::int64_t, std::int64_t>;  // missing, found

struct Tuned {
  explicit Tuned(const sam3::Sam3Options& options, const Scheme& scheme = HeadOnlyScheme(HeadOnlyOptions{})) : model(options) {
    additions::fill(model);
    trainable = scheme.prepare(model, additions::usual);
  }
  sam3::Sam3 model;
  TrainableSet trainable;
};

Criterion recipe() {
  return Criterion(
      {}, std::make_shared<BinaryHungarian>(HungarianOptions{}), std::make_shared<BinaryOneToMany>(OneToManyOptions{}),
      {std::make_shared<BoxLoss>(BoxOptions{}), std::make_shared<ClassificationPresence>(ClassificationPresenceOptions{}),
       std::make_shared<InstanceMaskLoss>(InstanceMaskOptions{}), std::make_shared<SemanticMaskLoss>(SemanticMaskOptions{})});
}

// One target a query.
Batch with_targets(Batch batch) {
  const auto q = static_cast<std::int64_t>(batch.texts.size());
  batch.targets.num_boxes = at::ones({q}, at::kLong);
  batch.targets.masks = at::zeros({q, 112, 112}, at::kBool);
  for (std::int64_t i = 0; i < q; ++i) batch.targets.masks[i].narrow(0, 8 * i, 30).narrow(1, 20, 40 + i).fill_(true);
  batch.targets.boxes = boxes_of(batch.targets.masks);
  batch.targets.boxes_padded = batch.targets.boxes.unsqueeze(1);
  return batch;
}

Batch one_image(bool boxes) {
  Batch batch = two_images(boxes);
  batch.images = batch.images.narrow(0, 0, 1);
  batch.texts = {"left lung"};
  batch.image_index = at::zeros({1}, at::kLong);
  if (boxes) {
    batch.box_prompts.boxes = batch.box_prompts.boxes.narrow(0, 1, 1);
    batch.box_prompts.labels = batch.box_prompts.labels.narrow(0, 1, 1);
  }
  return with_targets(batch);
}

// Loss, then gradients of all that trains.
std::vector<at::Tensor> gradients(Tuned& tuned, const Batch& batch, std::optional<at::ScalarType> type = {}) {
  for (const auto& group : tuned.trainable.groups) {
    for (const auto& [name, parameter] : group.parameters) parameter.mutable_grad() = at::Tensor();
  }
  tuned.model.train(true);
  Shard shard;
  shard.whole = batch;
  PassOptions options;
  options.type = type;
  const auto pass = add_gradients(tuned.model, tuned.trainable, recipe(), shard, options);
  std::vector<at::Tensor> all{pass.loss.total.detach()};
  for (const auto& group : tuned.trainable.groups) {
    for (const auto& [name, parameter] : group.parameters)
      all.push_back(parameter.grad().defined() ? parameter.grad().clone() : at::zeros_like(parameter));
  }
  return all;
}

double difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double far = 0.0, whole = 0.0;
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    far += (a[i] - b[i]).to(at::kDouble).pow(2).sum().item<double>();
    whole += b[i].to(at::kDouble).pow(2).sum().item<double>();
  }
  return std::sqrt(far / whole);
}

TEST_F(CachedFeatures, GradientsAreTheSameBitForBit) {
  for (const bool boxes : {false, true}) {
    for (const char* recompute : {"off", "on"}) {
      for (const std::optional<at::ScalarType> type : {std::optional<at::ScalarType>(), std::optional(at::kBFloat16)}) {
        SCOPED_TRACE(std::string(boxes ? "boxes, " : "text, ") + "recompute " + recompute + (type ? ", bfloat16" : ""));
        Tuned tuned(tiny(recompute, 0.1));
        const Batch batch = one_image(boxes);
        const auto without = gradients(tuned, batch, type);
        EXPECT_THAT(tuned.model.cache_features(store), ElementsAre("image encoder", "text encoder", "fusion encoder"));
        const auto filling = gradients(tuned, batch, type), again = gradients(tuned, batch, type);
        EXPECT_GT(without.front().item<double>(), 0.0);
        EXPECT_EQ(difference(filling, without), 0.0);
        EXPECT_EQ(difference(again, without), 0.0);
      }
    }
  }
}

TEST_F(CachedFeatures, WhatIsLookedUpDoesNotDependOnWhatElseIsAsked) {
  Tuned tuned(tiny("off", 0.1));
  const Batch both = with_targets(two_images());
  const auto without = gradients(tuned, both);
  tuned.model.cache_features(store);
  (void)gradients(tuned, one_image(true));  // one image, text and prompt of the three
  EXPECT_EQ(looked_up(), Looked(3, 0));
  const auto partly = gradients(tuned, both);
  EXPECT_EQ(looked_up(), Looked(4, 3));
  const auto again = gradients(tuned, both);
  EXPECT_EQ(looked_up(), Looked(0, 7));
  EXPECT_EQ(difference(again, partly), 0.0);
  EXPECT_LT(difference(partly, without), 1e-6);
}

TEST_F(CachedFeatures, ASecondPassComputesTheHeadsAlone) {
  Tuned tuned(tiny());
  tuned.model.cache_features(store);
  const Batch batch = one_image(true);
  const auto flops = [&](Backbone& model) {
    const FlopCounter counter;
    model.train(true);
    (void)model.forward(batch);
    return counter.flops();
  };
  const double first = flops(tuned.model), second = flops(tuned.model);
  EXPECT_EQ(looked_up(), Looked(3, 3));
  // The heads alone: what is left of a pass without what is in front of them.
  Tuned alone(tiny());
  alone.model.cache_features(store);
  const double heads = flops(alone.model);
  EXPECT_EQ(looked_up(), Looked(0, 3));
  EXPECT_EQ(second, heads);
  EXPECT_LT(second, 0.7 * first);
  alone.model.cache_features(nullptr);
  EXPECT_EQ(flops(alone.model), first);
  EXPECT_EQ(looked_up(), Looked(0, 0));
}

TEST_F(CachedFeatures, OnlyWhatIsFrozenBehindFrozenPartsIsKept) {
  const auto parts = [&](const Scheme& scheme) { return Tuned(tiny(), scheme).model.cache_features(store); };
  const auto lora = [](const std::string& target) {
    LoraOptions options;
    options.targets = {target};
    return LoraScheme(options);
  };
  EXPECT_THAT(parts(FullScheme(FullOptions{})), IsEmpty());
  EXPECT_THAT(parts(lora("backbone.vision_backbone.*")), ElementsAre("text encoder"));
  EXPECT_THAT(parts(lora("backbone.language_backbone.*")), ElementsAre("image encoder"));
  EXPECT_THAT(parts(lora("geometry_encoder.*")), ElementsAre("image encoder", "text encoder"));
  EXPECT_THAT(parts(lora("transformer.encoder.*")), ElementsAre("image encoder", "text encoder"));
  EXPECT_THAT(parts(lora("transformer.decoder.*")), ElementsAre("image encoder", "text encoder", "fusion encoder"));

  // An addition that trains no more still changes what comes out, and one that comes later ends it all.
  Tuned frozen(tiny(), lora("backbone.vision_backbone.trunk.blocks.0.*"));
  for (const auto& [name, tensor] : frozen.trainable.added) tensor.requires_grad_(false);
  EXPECT_THAT(frozen.model.cache_features(store), ElementsAre("text encoder"));
  frozen.model.attach("transformer.decoder.layers.0.mlp", nullptr);
  (void)additions::evaluate(frozen.model);
  EXPECT_EQ(looked_up(), Looked(0, 0));
}

TEST_F(CachedFeatures, PartlyTrainedModelsGetTheGradientsThatTheyHad) {
  LoraOptions options;
  options.targets = {"backbone.vision_backbone.trunk.blocks.*.attn.qkv.*"};
  Tuned tuned(tiny("on", 0.1), LoraScheme(options));
  additions::stir(tuned.trainable.added, 0.1);
  const Batch batch = one_image(true);
  const auto without = gradients(tuned, batch);
  tuned.model.cache_features(store);
  EXPECT_EQ(difference(gradients(tuned, batch), without), 0.0);
  EXPECT_EQ(difference(gradients(tuned, batch), without), 0.0);
  EXPECT_EQ(looked_up(), Looked(1, 1));
}

TEST_F(CachedFeatures, WhatAResultDependsOnIsInItsKey) {
  Tuned tuned(tiny());
  const auto ask = [&](const Batch& batch, std::optional<at::ScalarType> type = {}) {
    const at::NoGradGuard no_grad;
    const Autocast autocast(c10::DeviceType::CPU, type);
    tuned.model.train(false);
    (void)tuned.model.forward(batch);
    return looked_up();
  };
  tuned.model.cache_features(store);
  const Batch first = one_image(true);
  EXPECT_EQ(ask(first), Looked(3, 0));
  EXPECT_EQ(ask(first), Looked(0, 3));

  Batch other = one_image(true);
  other.images = other.images.clone();
  other.images[0][1][2][3] += 1e-6F;
  EXPECT_EQ(ask(other), Looked(2, 1));  // the text is the same
  other = one_image(true);
  other.texts = {"right lung"};
  EXPECT_EQ(ask(other), Looked(2, 1));
  other = one_image(true);
  other.box_prompts.boxes = other.box_prompts.boxes + 1e-6;
  EXPECT_EQ(ask(other), Looked(1, 2));
  other = one_image(true);
  other.box_prompts.labels = 1 - other.box_prompts.labels;
  EXPECT_EQ(ask(other), Looked(1, 2));
  EXPECT_EQ(ask(one_image(false)), Looked(1, 2));
  EXPECT_EQ(ask(first, at::kBFloat16), Looked(3, 0));
  EXPECT_EQ(ask(first, at::kBFloat16), Looked(0, 3));
  other = one_image(true);  // a padded box is none
  other.box_prompts.padding = at::ones({1, 1}, at::kBool);
  EXPECT_EQ(ask(other), Looked(0, 3));

  // A weight of each part, of a size that hardly changes a number.
  const auto change = [&](const std::string& name) {
    const at::NoGradGuard no_grad;
    for (auto& [known, tensor] : tuned.model.parameters()) {
      if (known == name) tensor.view(-1)[0] += 1e-6F;
    }
    tuned.model.cache_features(store);
    return ask(first);
  };
  EXPECT_EQ(change("transformer.decoder.norm.weight"), Looked(0, 3));
  EXPECT_EQ(change("backbone.vision_backbone.trunk.blocks.0.norm1.weight"), Looked(2, 1));
  EXPECT_EQ(change("backbone.language_backbone.resizer.bias"), Looked(2, 1));
  EXPECT_EQ(change("geometry_encoder.norm.weight"), Looked(1, 2));
  EXPECT_EQ(change("transformer.encoder.layers.0.norm1.weight"), Looked(1, 2));
}

TEST_F(CachedFeatures, BoxesOfDifferentNumberShareABatch) {
  Batch batch = two_images();
  batch.box_prompts.boxes = at::cat({batch.box_prompts.boxes, batch.box_prompts.boxes * 0.9}, 1);
  batch.box_prompts.labels = at::ones({3, 2}, at::kLong);
  batch.box_prompts.padding = at::tensor({0, 0, 1, 0, 1, 1}, at::kLong).to(at::kBool).view({3, 2});  // two boxes, one, none
  Tuned tuned(tiny());
  const auto without = additions::results(additions::evaluate(tuned.model, batch));
  tuned.model.cache_features(store);
  const auto filling = additions::evaluate(tuned.model, batch), again = additions::evaluate(tuned.model, batch);
  additions::expect_equal(filling, again);
  const auto with = additions::results(again);
  for (std::size_t i = 0; i < with.size(); ++i)
    EXPECT_TRUE(at::allclose(with[i].second, without[i].second, 1e-4, 1e-5)) << with[i].first;
}

TEST_F(CachedFeatures, ResultsOfAnotherShapeAreComputedAgain) {
  Tuned tuned(tiny());
  const auto without = additions::evaluate(tuned.model, one_image(true));
  // Has something under every key.
  class Wrong final : public FeatureStore {
   public:
    explicit Wrong(std::shared_ptr<FeatureStore> digests) : digests_(std::move(digests)) {}
    [[nodiscard]] std::string digest(const NamedTensors& tensors) const override { return digests_->digest(tensors); }
    [[nodiscard]] std::vector<at::Tensor> find(const std::string&) override { return {at::zeros({1, 2}), at::zeros({3})}; }
    void put(const std::string&, const std::vector<at::Tensor>& tensors) override { kept += tensors.size(); }
    std::size_t kept = 0;

   private:
    std::shared_ptr<FeatureStore> digests_;
  };
  const auto wrong = std::make_shared<Wrong>(store);
  tuned.model.cache_features(wrong);
  additions::expect_equal(additions::evaluate(tuned.model, one_image(true)), without);
  EXPECT_EQ(wrong->kept, 3 + 1 + 2);
}

TEST_F(CachedFeatures, CopiesShareThem) {
  std::vector<std::unique_ptr<Tuned>> replicas;
  for (int c = 0; c < 3; ++c) {
    replicas.push_back(std::make_unique<Tuned>(tiny()));
    replicas.back()->model.cache_features(store);
  }
  const Batch batch = one_image(true);
  std::vector<std::vector<at::Tensor>> results(replicas.size());
  for (int round = 0; round < 2; ++round) {
    parallel_for(replicas.size(), [&](std::size_t c) { results[c] = gradients(*replicas[c], batch); });
    for (const auto& result : results) EXPECT_EQ(difference(result, results.front()), 0.0);
  }
  const auto [missing, found] = looked_up();
  EXPECT_EQ(missing + found, 18);
  EXPECT_LE(missing, 9);  // two may compute the same at once
  EXPECT_GE(missing, 3);
}

}  // namespace
}  // namespace sam3lab::sam3_feature_cache_test
