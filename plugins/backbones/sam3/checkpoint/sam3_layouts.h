// What core asks of SAM3's checkpoints, for every file that may be one.
#pragma once
#include <sam3lab/api/checkpoint_layouts.h>

namespace sam3lab::sam3 {

// "bare", "detector", "ddp" and "transformers": see layouts.h.
class Sam3Layouts final : public CheckpointLayouts {
 public:
  [[nodiscard]] std::vector<std::string> names() const override;
  [[nodiscard]] std::optional<std::string> recognise(const Tensors& tensors) const override;
  [[nodiscard]] std::string examples() const override;
  [[nodiscard]] TensorUse use_of(std::string_view name, const std::string& layout) const override;
  [[nodiscard]] TensorUse use_of_own(std::string_view name) const override;
  [[nodiscard]] std::string module_not_built(std::string_view name) const override;  // "sam2_convs" or "tracker"
  [[nodiscard]] NamedCheckpoint to_own(const Tensors& tensors, const std::string& path) const override;
  [[nodiscard]] Tensors from_own(const NamedCheckpoint& checkpoint, const std::string& layout) const override;
  [[nodiscard]] std::string torch_key(const std::string& layout) const override;
  [[nodiscard]] CheckpointSizes sizes_of(const NamedCheckpoint& checkpoint) const override;
  [[nodiscard]] std::vector<std::string> transformers_names(std::string_view parameter) const override;
};

}  // namespace sam3lab::sam3
