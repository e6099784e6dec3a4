// What all datasets of volumes let one choose about their slices.
#pragma once
#include <cstdint>
#include <string>

#include <sam3lab/api/options.h>
#include <sam3lab/api/slices.h>
#include <sam3lab/api/windows.h>

namespace sam3lab::datasets {

struct SliceOptions {
  std::string axis = "axial", window = "percentiles", targets = "class";
  Numbers range = {0.0, 255.0};
  double low_percentile = 0.5, high_percentile = 99.5, gap = 1.0;
  std::int64_t every = 1, min_pixels = 1;
  bool keep_empty = true;
  std::string cache;
  double cache_gb = 50.0;

  template <class V>
  void visit(V&& v) {
    v("axis", axis, one_of({"axial", "coronal", "sagittal"}).about("of the slices, by the volume's own orientation"));
    v("window", window, one_of(windows()).about("intensities shown as black to white"));
    v("range", range, Limits().length(2).about("with window = \"range\": intensity of black and of white"));
    v("low_percentile", low_percentile, between(0, 100).unit("%").about("of the volume's voxels, shown as black"));
    v("high_percentile", high_percentile, between(0, 100).unit("%").about("of the volume's voxels, shown as white"));
    v("targets", targets, one_of({"class", "instances"}).about("one mask a label, or one a connected part of it"));
    v("every", every, at_least(1).unit("slices").about("take each n-th slice"));
    v("min_pixels", min_pixels,
      at_least(1).unit("px").about("a smaller mask is no target; the slice then says nothing of its label"));
    v("keep_empty", keep_empty, about("keep slices without any label: they teach and test absence"));
    v("gap", gap, at_least(0).unit("slices").about("left out on both sides of a held-out block"));
    v("cache", cache,
      Limits().path().changes_no_result().about(
          "folder for decoded cases, by the SHA-256 of their files, so that each is decoded once; data sets and "
          "runs may share it; empty: none"));
    v("cache_gb", cache_gb,
      more_than(0).unit("GB").changes_no_result().about("most that lies in that folder; what was used longest ago goes first"));
  }

  // 0, 1, 2: slices lie along the patient's right, anterior, superior.
  [[nodiscard]] std::int64_t axis_number() const { return slice_axis(axis); }
  // Throws UsageError for options that contradict each other; `where` is the plugin.
  void check(const std::string& where) const;

 private:
  static Texts windows() {
    Texts names = {"percentiles", "range"};
    for (auto& name : window_names()) names.push_back(std::move(name));
    return names;
  }
};

}  // namespace sam3lab::datasets
