// Options of dataset/volume_folder.
#pragma once
#include <cstdint>
#include <string>

#include <sam3lab/api/options.h>

#include "plugins/datasets/shared/cases/slice_options.h"

namespace sam3lab::datasets::volume_folder {

struct VolumeFolderOptions : SliceOptions {
  std::string root, msd, table, subject, site, subset, missing_mask = "error", encoding = "values", variable;
  Texts images, masks, labels, subsets, exclude;
  Integers ignore;
  std::int64_t channel = -1, expect = 0, keep = 4;

  template <class V>
  void visit(V&& v) {
    v("root", root, Limits().required().path().about("folder of the dataset"));
    v("images", images,
      about("templates of the volumes, relative to `root`: \"imagesTr/{case}.nii.gz\"; a template of a folder is a DICOM "
            "series"));
    v("masks", masks, about("templates of the label volumes; gaps that they share with the image's hold the same text"));
    v("encoding", encoding,
      one_of({"values", "binary", "instances"})
          .about(
              "values: what `table` says; binary: every voxel other than 0; instances: every value other than 0 is an object"));
    v("labels", labels, about("label of each template of `masks`; with encoding = \"binary\" or \"instances\""));
    v("table", table,
      Limits().path().about("label table for volumes that hold all labels: TOML, label = [values] or \"nonzero\""));
    v("msd", msd,
      about("a dataset.json of the Medical Segmentation Decathlon or nnU-Net, relative to `root`: labels, unless `table` is "
            "given, and the cases, unless `images` is"));
    v("variable", variable,
      about("array of images and masks that are HDF5, MATLAB or NumPy files: slices x rows x columns; empty: volume files"));
    v("channel", channel, at_least(-1).about("of an image's fourth axis, from 0; -1: it has none"));
    v("subject", subject,
      about("made of the image's gaps, such as \"acdc/{patient}\"; of `msd` {case}; empty: each image is its own subject"));
    v("site", site, about("hospital or scanner, made of the image's gaps"));
    v("subset", subset,
      about("subset that the source assigns, made of the image's gaps; empty: \"{subset}\" where there is one")
          .formerly("part"));
    v("subsets", subsets, about("other names for subsets: \"training=train\"").formerly("parts"));
    v("missing_mask", missing_mask,
      one_of({"error", "empty", "unsure"}).about("no mask file: a fault, nothing is there, or nothing is said of the label"));
    v("ignore", ignore, about("values of voxels of which nothing is known: no target, left out by losses and metrics"));
    v("exclude", exclude, about("ids of cases that are left out: the image's path without its ending"));
    v("expect", expect, at_least(0).about("cases that the source has; another number is a fault; 0: not known"));
    v("keep", keep, at_least(1).about("cases that stay in memory"));
    SliceOptions::visit(v);
  }
};

}  // namespace sam3lab::datasets::volume_folder
