// Slot `prompt`: which texts are asked of an image.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/export.h>
#include <sam3lab/api/random.h>

namespace sam3lab {

// A concept of the experiment: a label of a dataset and its text.
struct Concept {
  std::string label, text, modality;
  bool operator==(const Concept&) const = default;
};

struct PromptQuery {
  std::string label;     // of the dataset; empty for a concept of another one
  std::string text;      // what the model reads
  bool present = false;  // has a mask in this image
};

struct PromptInput {
  std::vector<Concept> present;  // concepts with a mask in the image
  std::vector<Concept> absent;   // concepts known to have none: annotated and missing, or of another modality
  bool training = false;         // evaluation asks the same of an image each time
};

class SAM3LAB_API Prompt {
 public:
  static constexpr std::string_view slot = "prompt";
  virtual ~Prompt();
  // The text of a label, or empty if this plugin gives none. Every label must get a text from some plugin of the experiment.
  [[nodiscard]] virtual std::string text(const std::string& label) const = 0;
  [[nodiscard]] virtual std::vector<PromptQuery> queries(const PromptInput& input, Random& random) const = 0;
};

}  // namespace sam3lab
