// Optional interface of the slot `backbone`: under which names files hold its parameters, and how large a model a file needs.
//
// Without it, a checkpoint must have the backbone's own parameter names. With it, `convert`, `inspect`, `predict` and
// [checkpoint] load understand every layout that the backbone knows. A backbone offers it in two places: a static function
// `layouts()`, which is asked before any model is built, and `Backbone::checkpoint_layouts()`.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/export.h>
#include <sam3lab/api/named_tensors.h>
#include <sam3lab/api/options.h>

namespace sam3lab {

// What a tensor of a checkpoint is to the model that the backbone builds.
enum class TensorUse {
  parameter,
  derived,    // computed from the sizes, so it is not loaded
  not_built,  // of a module that the backbone does not have; a conversion keeps it
  unknown
};

// A checkpoint under the names that Backbone::parameters() has ("own" names).
struct NamedCheckpoint {
  std::string layout;               // the one that the file had
  Tensors model;                    // own names; also those of modules that are not built, and unknown names
  Tensors other;                    // names outside the model; kept so that a conversion loses nothing
  std::vector<std::string> filled;  // names in `model` whose values are zeros, because the layout has no place for them
};

// Options of the backbone that fit a checkpoint.
struct CheckpointSizes {
  std::optional<OptionValues> options;  // nothing: the shapes do not tell the sizes
  std::string found, expected;          // in words, for the message where they do not
};

// Stateless: one object may serve several threads and models.
class SAM3LAB_API CheckpointLayouts {
 public:
  virtual ~CheckpointLayouts();
  // Names of the layouts, for `convert --layout`.
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
  // The layout of a file, from the names of its tensors alone; nothing if they are another model's.
  [[nodiscard]] virtual std::optional<std::string> recognise(const Tensors& tensors) const = 0;
  // Some parameter names that are recognised, for a message.
  [[nodiscard]] virtual std::string examples() const = 0;
  // `name` as a file of that layout has it.
  [[nodiscard]] virtual TensorUse use_of(std::string_view name, const std::string& layout) const = 0;
  // The same of an own name, as to_own() gives them.
  [[nodiscard]] virtual TensorUse use_of_own(std::string_view name) const = 0;
  // The module that a tensor with TensorUse::not_built belongs to, in one word.
  [[nodiscard]] virtual std::string module_not_built(std::string_view name) const;

  // To own names and back. Tensors share memory with the given ones where their values are not rearranged. DataError with
  // `path` in `where` if no layout fits, two names become one, or a shape does not fit its name.
  [[nodiscard]] virtual NamedCheckpoint to_own(const Tensors& tensors, const std::string& path) const = 0;
  [[nodiscard]] virtual Tensors from_own(const NamedCheckpoint& checkpoint, const std::string& layout) const = 0;
  // Key below which readers of that layout look for the weights in a .pt file; empty: the file is the state_dict.
  [[nodiscard]] virtual std::string torch_key(const std::string& layout) const;

  // From the shapes of a checkpoint in own names. Must not guess: sizes that shapes do not show are told only for a published
  // model.
  [[nodiscard]] virtual CheckpointSizes sizes_of(const NamedCheckpoint& checkpoint) const;

  // What Hugging Face transformers, and so PEFT, calls a parameter of this backbone: one name; several where transformers
  // divides the rows of the tensor (in this order); none where it has no equal.
  [[nodiscard]] virtual std::vector<std::string> transformers_names(std::string_view parameter) const;
};

}  // namespace sam3lab
