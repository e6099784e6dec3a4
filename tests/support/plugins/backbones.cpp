// Two backbones of one parameter "scale": `test_named` says under which names files hold it ("own" or "long") and has a choice
// of activations, `test_plain` neither.
#include <ATen/ATen.h>
#include <sam3lab/plugin.h>

namespace {

using namespace sam3lab;

struct Names final : CheckpointLayouts {
  std::vector<std::string> names() const override { return {"own", "long"}; }
  std::optional<std::string> recognise(const Tensors& tensors) const override {
    if (tensors.count("scale") != 0) return "own";
    if (tensors.count("model.scale") != 0) return "long";
    return std::nullopt;
  }
  std::string examples() const override { return "'scale'"; }
  TensorUse use_of(std::string_view name, const std::string& layout) const override {
    return name == (layout == "own" ? "scale" : "model.scale") ? TensorUse::parameter : use_of_own(name);
  }
  TensorUse use_of_own(std::string_view name) const override {
    return name == "video" ? TensorUse::not_built : TensorUse::unknown;
  }
  NamedCheckpoint to_own(const Tensors& tensors, const std::string&) const override {
    NamedCheckpoint named;
    named.layout = recognise(tensors).value();
    for (const auto& [name, tensor] : tensors) named.model[name == "model.scale" ? "scale" : name] = tensor;
    return named;
  }
  Tensors from_own(const NamedCheckpoint& checkpoint, const std::string& layout) const override {
    Tensors tensors;
    for (const auto& [name, tensor] : checkpoint.model)
      tensors[name == "scale" && layout == "long" ? "model.scale" : name] = tensor;
    return tensors;
  }
};

struct Plain : Backbone {
  at::Tensor scale = at::ones({2});
  Outputs forward(const Batch&) override { return {}; }
  void train(bool) override {}
  NamedTensors parameters() override { return {{"scale", scale}}; }
  NamedTensors buffers() override { return {}; }
  void initialise(std::uint64_t) override {}
  std::int64_t image_size() const override { return 8; }
  std::int64_t object_queries() const override { return 1; }
  std::vector<std::int64_t> tokenize(const std::string&) const override { return {}; }
  ParameterLocation locate(const std::string&) const override { return {}; }
};

struct Named final : Plain {
  static std::shared_ptr<const CheckpointLayouts> layouts() { return std::make_shared<Names>(); }
  std::shared_ptr<const CheckpointLayouts> checkpoint_layouts() const override { return layouts(); }
  std::string use_memory_policy(MemoryPolicy policy) override { return "policy " + std::to_string(static_cast<int>(policy)); }
};

}  // namespace

SAM3LAB_PLUGIN(backbones) {
  reg.add<Backbone, Named>("test_named", "names of its own");
  reg.add<Backbone, Plain>("test_plain", "parameter names alone");
}
