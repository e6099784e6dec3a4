// Options of dataset/npz_cases.
#pragma once
#include <cstdint>
#include <string>

#include <sam3lab/api/options.h>

namespace sam3lab::datasets::npz_cases {

struct NpzCasesOptions {
  std::string root, table, subject, site, subset, image = "imgs", masks = "gts", spacing = "spacing", window = "none",
                                                  targets = "class";
  Texts cases = {"{case}.npz"}, subsets, exclude;
  Integers ignore;
  Numbers range = {0.0, 255.0};
  double gap = 1.0;
  std::int64_t every = 1, min_pixels = 1, keep = 4, expect = 0;
  bool keep_empty = true;

  template <class V>
  void visit(V&& v) {
    v("root", root, Limits().required().path().about("folder of the dataset"));
    v("cases", cases, about("templates of the files, relative to `root`"));
    v("table", table, Limits().required().path().about("label table: TOML, label = [values] or \"nonzero\""));
    v("subject", subject,
      about("made of the template's gaps, such as \"abdomen/{case}\"; empty: each file is its own subject"));
    v("site", site, about("made of the template's gaps"));
    v("subset", subset,
      about("subset that the source assigns, made of the template's gaps; empty: \"{subset}\" where there is one")
          .formerly("part"));
    v("subsets", subsets, about("other names for subsets: \"training=train\"").formerly("parts"));
    v("exclude", exclude, about("ids of cases that are left out"));
    v("expect", expect, at_least(0).about("cases that the source has; another number is a fault; 0: not known"));
    v("image", image, about("name of the image array: [H, W], [H, W, 3], [D, H, W] or [D, H, W, 3]"));
    v("masks", masks, about("name of the label array, of the image's size"));
    v("spacing", spacing, about("name of the array x, y, z in mm; a file without it has no known spacing"));
    v("ignore", ignore, about("stored values of pixels of which nothing is known: no target, left out by losses and metrics"));
    v("window", window,
      one_of({"none", "percentiles", "range"})
          .about("none: grey values of 0 to 255 as they are; percentiles: 0.5 to 99.5 of the case"));
    v("range", range, Limits().length(2).about("with window = \"range\": intensity of black and of white"));
    v("targets", targets,
      one_of({"class", "instances", "values"}).about("one mask a label, one a connected part of it, or one a stored value"));
    v("every", every, at_least(1).unit("slices").about("take each n-th slice of a volume"));
    v("min_pixels", min_pixels,
      at_least(1).unit("px").about("a smaller mask is no target; the slice then says nothing of its label"));
    v("keep_empty", keep_empty, about("keep slices and images without any label: they teach and test absence"));
    v("gap", gap, at_least(0).unit("slices").about("left out on both sides of a held-out block"));
    v("keep", keep, at_least(1).about("cases that stay in memory"));
  }
};

}  // namespace sam3lab::datasets::npz_cases
