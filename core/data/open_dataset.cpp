#include "core/data/open_dataset.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/data/anonymise.h"

namespace sam3lab {
namespace {

// All labels as one.
class PublishedPrompt final : public Dataset {
 public:
  PublishedPrompt(std::shared_ptr<Dataset> inner, std::string text) : inner_(std::move(inner)), text_(std::move(text)) {}
  [[nodiscard]] std::int64_t size() const override { return inner_->size(); }
  [[nodiscard]] Item item(std::int64_t index) const override { return inner_->item(index); }
  [[nodiscard]] LabelledImage load(std::int64_t index) const override {
    auto image = inner_->load(index);
    if (image.labels.empty()) {
      if (!image.unsure.empty()) image.unsure = {text_};
      return image;
    }
    image.unsure.clear();
    std::vector<at::Tensor> masks;
    for (const auto& label : image.labels) masks.push_back(label.masks.any(0));
    image.labels = {{text_, at::stack(masks).any(0).unsqueeze(0)}};
    return image;
  }
  [[nodiscard]] std::vector<std::string> labels() const override { return {text_}; }
  [[nodiscard]] std::vector<std::string> files() const override { return inner_->files(); }
  [[nodiscard]] std::vector<Fault> faults() const override { return inner_->faults(); }
  [[nodiscard]] double gap() const override { return inner_->gap(); }

 private:
  std::shared_ptr<Dataset> inner_;
  std::string text_;
};

}  // namespace

std::shared_ptr<Dataset> open_dataset(const DatasetChoice& choice, const Registry& registry) {
  auto dataset = anonymised(registry.make<Dataset>(choice), choice.common);
  if (choice.common.prompt != "published") return dataset;
  return under_one_prompt(std::move(dataset), choice.common.published_prompt);
}

std::shared_ptr<Dataset> under_one_prompt(std::shared_ptr<Dataset> inner, const std::string& text) {
  return std::make_shared<PublishedPrompt>(std::move(inner), text);
}

std::map<std::string, std::string> texts_of_labels(const Dataset& dataset, const DatasetOptions& common,
                                                   const std::vector<std::shared_ptr<Prompt>>& prompts) {
  if (common.prompt == "published") return {{common.published_prompt, common.published_prompt}};
  std::map<std::string, std::string> texts;
  for (const auto& label : dataset.labels()) {
    for (const auto& prompt : prompts) {
      if (auto text = prompt->text(label); !text.empty()) {
        texts[label] = std::move(text);
        break;
      }
    }
  }
  return texts;
}

Fault no_text(const DatasetChoice& choice, const std::string& label) {
  return {choice.where, fmt::format("label '{}' of dataset '{}' has no prompt", label, choice.key), "no text",
          "a text from a [prompt.*] table", "add the label to the dictionary of [prompt.canonical]"};
}

}  // namespace sam3lab
