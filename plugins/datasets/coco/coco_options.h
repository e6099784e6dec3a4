// Options of dataset/coco.
#pragma once
#include <cstdint>
#include <string>

#include <sam3lab/api/options.h>

#include "plugins/datasets/shared/image_window.h"

namespace sam3lab::datasets::coco {

struct CocoOptions {
  std::string root, table, name, subset, subject, site, targets = "class";
  Texts annotations, images, subsets;
  double pixel_um = 0.0;
  std::int64_t min_pixels = 1, expect = 0;
  bool keep_empty = true;
  ImageWindow shown;

  template <class V>
  void visit(V&& v) {
    v("root", root, Limits().required().path().about("folder of the dataset"));
    v("annotations", annotations, Limits().required().about("templates of the JSON files, relative to `root`"));
    v("images", images,
      about("templates of the folders with each JSON file's images, relative to `root`; empty: `root` itself. Gaps that both "
            "have hold the same text: \"{subset:train|val}/images\", \"{subset}.json\""));
    v("subset", subset,
      about("subset that the source assigns, made of the gaps; empty: \"{subset}\" where there is one").formerly("part"));
    v("subsets", subsets, about("other names for subsets: \"val=validation\"").formerly("parts"));
    v("table", table,
      Limits().path().about("TOML, label = [names of categories]; empty: each category is a label by its own name"));
    v("name", name, about("template of the images' file names in the JSON, such as \"{patient}_*.png\": more gaps"));
    v("subject", subject, about("made of the gaps, such as \"ward7/{patient}\"; empty: each image is its own subject"));
    v("site", site, about("hospital or scanner, made of the gaps"));
    v("targets", targets, one_of({"class", "instances"}).about("one mask a label, or one an annotation"));
    v("min_pixels", min_pixels,
      at_least(1).unit("px").about("a smaller mask is no target; the image then says nothing of its label"));
    v("keep_empty", keep_empty, about("keep images without an annotation: they teach and test absence"));
    v("expect", expect, at_least(0).about("images that the source has; another number is a fault; 0: not known"));
    shown.visit(v);
    v("pixel_um", pixel_um, at_least(0).unit("um").about("side of a pixel; 0: not known"));
  }
};

}  // namespace sam3lab::datasets::coco
