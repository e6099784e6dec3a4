// SAM 3's image model (arXiv 2511.16719; sam3_image.Sam3Image), whole: images and prompts in, masks out.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/backbone.h>

#include "plugins/backbones/sam3/model/decoder.h"
#include "plugins/backbones/sam3/model/feature_cache.h"
#include "plugins/backbones/sam3/model/geometry.h"
#include "plugins/backbones/sam3/model/heads.h"
#include "plugins/backbones/sam3/model/options.h"
#include "plugins/backbones/sam3/text/text_encoder.h"
#include "plugins/backbones/sam3/text/tokenizer.h"
#include "plugins/backbones/sam3/model/vit.h"

namespace sam3lab::sam3 {

// The modules, each below its published name.
struct Network : Module {
  Network(const Sizes& sizes, double dropout, double drop_path, Keeping keeping);
  void keep(const Keeping& keeping);  // in training passes from now on
  Module backbone;
  VisionBackbone vision;
  LanguageBackbone language;
  GeometryEncoder geometry;
  Module transformer;
  FusionEncoder encoder;
  Decoder decoder;
  SegmentationHead segmentation;
  DotProductScoring scoring;
};

class Sam3 final : public Backbone {
 public:
  explicit Sam3(const Sam3Options& options);

  // Images are encoded once each, distinct texts once each. DataError where the batch contradicts itself.
  // Extras: see README.md beside this file.
  Outputs forward(const Batch& batch) override;
  void train(bool on) override { network_.train(on); }
  NamedTensors parameters() override;
  NamedTensors buffers() override { return {}; }  // rotary phases and masks follow from the sizes
  void initialise(std::uint64_t seed) override;
  void move(c10::Device device) override;  // before adapter modules are attached and gradients are computed
  std::string use_memory_policy(MemoryPolicy policy) override;
  // Of "image encoder", "text encoder" and "fusion encoder", which takes the box-prompt encoder with it.
  std::vector<std::string> cache_features(std::shared_ptr<FeatureStore> store) override;
  [[nodiscard]] std::int64_t image_size() const override { return sizes_.img_size; }
  [[nodiscard]] std::int64_t object_queries() const override { return sizes_.num_queries; }
  // The row that the text encoder reads: context_length ids, zeros behind the end.
  [[nodiscard]] std::vector<std::int64_t> tokenize(const std::string& text) const override;
  [[nodiscard]] std::shared_ptr<const CheckpointLayouts> checkpoint_layouts() const override { return layouts(); }
  static std::shared_ptr<const CheckpointLayouts> layouts();
  static OptionValues without_chance() { return {{"dropout", 0.0}, {"drop_path", 0.0}}; }
  static OptionValues smallest() { return {{"size", std::string("tiny")}}; }
  [[nodiscard]] ParameterLocation locate(const std::string& parameter) const override;
  [[nodiscard]] std::vector<InjectionPoint> injection_points() const override;
  void attach(const std::string& point, std::shared_ptr<const AdapterModule> module) override;

 private:
  struct Texts {
    at::Tensor tokens, padding;  // [T, L] of distinct texts
    at::Tensor index;            // [Q] into them
  };
  [[nodiscard]] Module::InjectionPoints adapter_slots() const;
  [[nodiscard]] Texts read_texts(const Batch& batch) const;
  [[nodiscard]] static GeometricPrompts read_boxes(const Batch& batch, const at::TensorOptions& options);
  void check(const Batch& batch) const;
  void predict(const std::vector<Decoded>& decoded, const at::Tensor& direction, const Masks& masks, Outputs& out) const;

  Sam3Options options_;
  Sizes sizes_;
  Tokenizer tokenizer_;
  Network network_;
  Features features_;
  SineGrid sines_;
};

}  // namespace sam3lab::sam3
