// Annotations of points: text, XML and JSON of annotation programs.
#include <torch/types.h>

#include "plugins/datasets/shared/masks/mask_file.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;
using namespace sam3lab::datasets;

SAM3LAB_FUZZ_TARGET(contours) {
  bool any = false;
  const std::string file = fuzz::as_file(bytes);
  for (const auto* encoding : {"points_text", "ddti_xml", "labelme", "aperio_xml"}) {
    MaskReader reader;
    reader.options.encoding = encoding;
    reader.labels = {"thing"};
    any = fuzz::accepts([&] {
            FoundMasks found(1, 40, 50, true, file);
            masks::read_contours(reader, {file}, found);
            LabelledImage image;
            found.put_into(image, reader.labels, {false}, 1);
            for (const auto& label : image.labels) fuzz::promise(label.masks.flatten(1).any(1).all().item<bool>());
          }) ||
          any;
  }
  return any;
}
