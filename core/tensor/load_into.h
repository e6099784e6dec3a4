// From the tensors of a file into the parameters of a model.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <sam3lab/api/checkpoint_layouts.h>

namespace sam3lab {

// The file's tensors under the backbone's own names. `layouts` null: the backbone knows no other names, so they are taken as
// they are. DataError as in CheckpointLayouts::to_own.
NamedCheckpoint own_names(const CheckpointLayouts* layouts, const Tensors& tensors, const std::string& path);

struct LoadReport {
  std::size_t matched = 0;
  std::vector<std::string> missing;     // the model has it, the file does not
  std::vector<std::string> unexpected;  // the file has it, the model does not
  std::vector<std::string> misshaped;   // "name: file 3x4, model 3x5"
  std::vector<std::string> mistyped;    // "name: file Char, model Float": a cast would not give the weights
  std::vector<std::string> not_finite;  // NaN or infinity, as a training that diverged leaves them
  std::size_t not_built = 0, derived = 0, filled = 0;
  [[nodiscard]] bool complete() const { return missing.empty() && misshaped.empty() && mistyped.empty() && not_finite.empty(); }
  // "matched 1152, missing 0, unexpected 3, mis-shaped 0", and ", not built 331" and the like where there are any
  [[nodiscard]] std::string text() const;
};

// Copies a checkpoint's tensors into a model's parameters and buffers, each cast to the type that the model has. `layouts` says
// what the tensors are that the model does not have; null: all of them are unexpected. What does not fit is not copied.
LoadReport load_into(const NamedTensors& model, const NamedCheckpoint& checkpoint, const CheckpointLayouts* layouts);

// Throws for the first reason why the model is not what the file says. DataError: wrong shapes or types, or missing parameters
// (these may be allowed, if at least one tensor matches). NumericError: NaN or infinity.
void refuse_what_does_not_fit(const LoadReport& report, const std::string& path, bool allow_missing = false);

// Whether casting `from` to the type of `to` keeps its meaning: 16-, 32- and 64-bit floats into floats, whole numbers into
// whole numbers, Booleans into Booleans. A quantised weight (integers, 8-bit floats) has a scale somewhere else that a cast
// ignores.
bool keeps_meaning(const at::Tensor& from, const at::Tensor& to);
bool all_finite(const at::Tensor& tensor);

}  // namespace sam3lab
