// Images along the first axis of one array and their masks along that of another, as a dataset.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/dataset.h>
#include <sam3lab/api/options.h>

namespace sam3lab::datasets::array_stack {

struct ArrayStackOptions {
  std::string root, variable, mask_variable, subject = "{stack}/{index}", site, subset, targets = "class";
  Texts images, masks, labels, subsets;
  double pixel_um = 0.0, gap = 0.0;
  std::int64_t min_pixels = 1, expect = 0;

  template <class V>
  void visit(V&& v) {
    v("root", root, Limits().required().path().about("folder of the dataset, as it was downloaded"));
    v("images", images,
      Limits().required().about("templates of the files with images below root, [N, H, W] or [N, H, W, 3] each"));
    v("masks", masks,
      Limits().required().about(
          "one template of the files with masks: [N, H, W], or [N, H, W, C] with one label a channel; 0 is "
          "nothing, and another number the object"));
    v("labels", labels, Limits().required().about("of the channels, in their order; channels behind the last are not read"));
    v("variable", variable, about("name of the array with images; empty: the only one of the file"));
    v("mask_variable", mask_variable, about("the same of the masks"));
    v("targets", targets, one_of({"class", "instances"}).about("one mask a label, or one a number in its channel"));
    v("min_pixels", min_pixels,
      at_least(1).unit("px").about("a smaller mask is no target; the image then says nothing of its label"));
    v("subset", subset, about("subset that the source assigns, such as \"fold{fold}\"").formerly("part"));
    v("subsets", subsets, about("other names of subsets: [\"fold3=test\"]").formerly("parts"));
    v("site", site, about("hospital or centre, such as \"{site}\""));
    v("subject", subject, about("whose image it is; {stack} is the file's name, {index} the number of the image"));
    v("gap", gap, at_least(0).unit("images").about("left out on both sides of a held-out block of a subject"));
    v("expect", expect, at_least(0).about("images that the source has; another number is a fault. 0: not known"));
    v("pixel_um", pixel_um, at_least(0).unit("um").about("side of a pixel; 0: not known"));
  }
};

class ImageStack final : public Dataset {
 public:
  // Lists the folder and the sizes of the arrays; reads no image. Throws UsageError for templates that are not understood,
  // DataError for a root that cannot be read.
  explicit ImageStack(ArrayStackOptions options);

  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] Item item(std::int64_t index) const override;
  [[nodiscard]] LabelledImage load(std::int64_t index) const override;
  [[nodiscard]] std::vector<std::string> labels() const override;
  [[nodiscard]] std::vector<std::string> files() const override;
  [[nodiscard]] std::vector<Fault> faults() const override { return faults_; }
  [[nodiscard]] double gap() const override { return options_.gap; }

 private:
  struct Stack {
    std::string name, images, masks, subject, site, subset;  // name: the file's path below the root without its ending
    std::int64_t first = 0, count = 0;                       // of its images among those of the dataset
  };
  void add(const std::string& image, const std::string& mask, Stack stack);
  [[nodiscard]] const Stack& stack_of(std::int64_t index) const;

  ArrayStackOptions options_;
  std::vector<Stack> stacks_;  // sorted by name
  std::vector<Fault> faults_;
  std::int64_t size_ = 0;
};

}  // namespace sam3lab::datasets::array_stack
