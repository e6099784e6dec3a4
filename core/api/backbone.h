// Slot `backbone`: the whole promptable model, images and texts in, masks out.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/Device.h>

#include <sam3lab/api/adapter_module.h>
#include <sam3lab/api/batch.h>
#include <sam3lab/api/checkpoint_layouts.h>
#include <sam3lab/api/export.h>
#include <sam3lab/api/feature_store.h>

namespace sam3lab {

// Where a parameter is in the model, so that a scheme can give it a learning rate without knowing the model.
struct ParameterLocation {
  std::string module;       // a name of the backbone's choice, such as "vision" or "text"; options of schemes use it
  std::int64_t layer = 0;   // layer within the module: 0 = embeddings, block k = k + 1, behind the blocks = layers + 1
  std::int64_t layers = 0;  // number of blocks in the module; 0: it has no layers
  bool position = false;    // a position embedding
};

// `[train] memory`: how much memory a training pass may take. It changes the result by rounding at most.
enum class MemoryPolicy {
  exact,  // which activations are computed a second time, and which are kept, is up to the backbone's own options
  fast,   // keep most activations
  disk,   // the same; the optimizer's state leaves memory during the passes
  lean    // keep few activations
};

class SAM3LAB_API Backbone {
 public:
  static constexpr std::string_view slot = "backbone";
  virtual ~Backbone();

  virtual Outputs forward(const Batch& batch) = 0;
  // Training mode for the modules that hold a trainable parameter or adapter module. All others stay in evaluation mode, so
  // that nothing frozen drops out units. Call it after requires_grad was set.
  virtual void train(bool on) = 0;

  // Names are the backbone's own; tensors are live. Without adapter modules.
  virtual NamedTensors parameters() = 0;
  virtual NamedTensors buffers() = 0;
  // Seeded random start; two calls with one seed give the same weights on any machine.
  virtual void initialise(std::uint64_t seed) = 0;
  // Moves parameters, buffers and what is derived from them.
  virtual void move(c10::Device device);
  // Called before training. An option of the backbone that the experiment sets for the same purpose goes before the policy.
  // Returns what training passes keep from now on, in words for the record; empty: this backbone has no choice.
  virtual std::string use_memory_policy(MemoryPolicy policy);
  // From now on the results of modules in which nothing trains are looked up in `store`, and put there when they are missing;
  // null: no longer. Call it after requires_grad was set; weights of such modules must not change afterwards. Returns the names
  // of the modules, none unless the backbone offers this.
  virtual std::vector<std::string> cache_features(std::shared_ptr<FeatureStore> store);

  [[nodiscard]] virtual std::int64_t image_size() const = 0;      // R, pixels
  [[nodiscard]] virtual std::int64_t object_queries() const = 0;  // K, the most targets a query may have
  [[nodiscard]] virtual std::vector<std::int64_t> tokenize(const std::string& text) const = 0;
  [[nodiscard]] virtual ParameterLocation locate(const std::string& parameter) const = 0;

  // Other names under which checkpoints hold the parameters; null: there is only parameters().
  [[nodiscard]] virtual std::shared_ptr<const CheckpointLayouts> checkpoint_layouts() const;

  // Where adapter modules fit; none unless the backbone offers them.
  [[nodiscard]] virtual std::vector<InjectionPoint> injection_points() const;
  // Replaces what was attached to the injection point; null takes it away. UsageError for an unknown name.
  virtual void attach(const std::string& point, std::shared_ptr<const AdapterModule> module);
};

}  // namespace sam3lab
