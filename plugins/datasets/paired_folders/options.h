// What an experiment says of a folder of images and masks.
#pragma once
#include <cstdint>
#include <string>

#include <sam3lab/api/options.h>

#include "plugins/datasets/shared/masks/mask_file.h"
#include "plugins/datasets/shared/image_window.h"

namespace sam3lab::datasets::paired_folders {

struct PairedFoldersOptions {
  std::string root, table, field_of_view, subject, subject_table, collection, subset, site, mark, spacing_table,
      spacing_name = "filename";
  Texts images, masks, labels, subsets, exclude, spacing_mm;
  std::string missing_mask = "error", orphans = "error", empty = "keep", targets = "class";
  double gap = 0.0, pixel_um = 0.0;
  std::int64_t expect = 0, min_pixels = 1;
  MaskOptions mask;
  ImageWindow shown;

  template <class V>
  void visit(V&& v) {
    v("root", root, Limits().required().path().about("folder of the dataset, as it was downloaded"));
    v("images", images,
      Limits().required().about("templates of image files below root: \"{subset:train|test}/images/{id}.png\""));
    v("masks", masks, Limits().required().about("templates of mask files; with * several files of an image"));
    v("labels", labels, about("one for each masks template, or one for all; instead of `table`"));
    v("table", table, Limits().path().about("label table: label = [values], [\"#RRGGBB\"] or [\"names\"], by `encoding`"));
    mask.visit(v);
    v("mark", mark, about("ddti_xml: which marks of the file are this image's, such as \"{image}\"; empty: all"));
    v("field_of_view", field_of_view, about("template of a file whose dark pixels are ignored: they lie outside of the view"));
    v("targets", targets, one_of({"class", "instances"}).about("one mask a label, or one an object"));
    v("min_pixels", min_pixels,
      at_least(1).unit("px").about("a smaller mask is no target; the image then says nothing of its label"));
    v("missing_mask", missing_mask,
      one_of({"error", "empty", "skip", "unsure"})
          .about("an image without a mask file: a fault, nothing is there, left out, or nothing is said of its label"));
    v("orphans", orphans, one_of({"error", "allow"}).about("mask files of no image"));
    v("empty", empty, one_of({"keep", "drop"}).about("images without any mask; to drop them, every mask is read once"));
    v("subset", subset, about("subset that the source assigns, such as \"{subset}\"").formerly("part"));
    v("subsets", subsets, about("other names of subsets: [\"trainval=train\"]").formerly("parts"));
    v("site", site, about("hospital or centre, such as \"{site}\""));
    v("subject", subject, about("whose image it is, such as \"{patient}\"; empty: each image is a subject of its own"));
    v("subject_table", subject_table,
      Limits().path().about("TOML: subject = [[first, last], ...] or [\"id\", ...], by the first number of an id, or the id"));
    v("collection", collection,
      about("stands before every subject; empty: the name of root. Datasets of one share their subjects"));
    v("gap", gap, at_least(0).unit("images").about("left out on both sides of a held-out block of a subject's images"));
    v("exclude", exclude, about("ids of images to leave out"));
    v("expect", expect, at_least(0).about("images that the source has; another number is a fault. 0: not known"));
    shown.visit(v);
    v("pixel_um", pixel_um, at_least(0).unit("um").about("side of a pixel; 0: not known"));
    v("spacing_table", spacing_table,
      about("table below root with the pixel size of each image: comma-separated values, the first line names the columns"));
    v("spacing_name", spacing_name,
      about("its column with an image's path below root, its file name, or that without its ending"));
    v("spacing_mm", spacing_mm, about("its column with mm per pixel; or two: from row to row, from column to column"));
  }
};

}  // namespace sam3lab::datasets::paired_folders
