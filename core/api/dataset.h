// Slot `dataset`: images with labelled masks, and where each lies within its subject, so that a split can keep neighbours
// together.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/error.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

// One image of a dataset, before it is read. `begin` and `end` are its extent along the one axis by which its subject is cut:
// [k, k + 1) for slice k of a volume, the pixel columns of a tile.
struct Item {
  std::string id;       // unique in the dataset, the same on every machine: "ch2/axial/082"
  std::string subject;  // items of one subject are never independent
  double begin = 0.0, end = 1.0;
  std::string subset = {};  // subset that the source itself assigns it to: "train", "validation", "test", "fold3"; empty: none
  std::string site = {};    // hospital or centre, where known
  // The volume that the item is a slice of; `begin` is then the slice's number along the axis of slices, from 0. Empty: the
  // item is no slice, or nothing is known of it.
  std::string volume = {};
};

// All masks of one label in one image.
struct LabelMasks {
  std::string label;
  at::Tensor masks;  // [n, H, W] bool, n >= 1, none of them empty
};

struct LabelledImage {
  at::Tensor image;                 // [H, W, 3] uint8, windowed
  std::vector<LabelMasks> labels;   // the labels that are present
  std::vector<std::string> unsure;  // labels of which nothing is said here, neither present nor absent: do not ask
  std::optional<std::array<double, 2>> spacing_mm;  // from row to row, from column to column; unset: the source does not say
  // [H, W] bool: pixels of which nothing is known (outside the annotated region). Losses and metrics leave them out. Undefined:
  // none. Masks never reach into them.
  at::Tensor ignore;
};

class SAM3LAB_API Dataset {
 public:
  static constexpr std::string_view slot = "dataset";
  virtual ~Dataset();
  [[nodiscard]] virtual std::int64_t size() const = 0;
  [[nodiscard]] virtual Item item(std::int64_t index) const = 0;
  // Throws DataError that names the file. Safe to call from several threads.
  [[nodiscard]] virtual LabelledImage load(std::int64_t index) const = 0;
  // Every label that is annotated wherever it occurs: if an image lacks one of these, and is not
  // unsure of it, it is truly absent.
  [[nodiscard]] virtual std::vector<std::string> labels() const = 0;
  // The files behind the dataset, for the record's hashes.
  [[nodiscard]] virtual std::vector<std::string> files() const = 0;
  // What is wrong with the files as a whole, images without masks for one: found at construction, before any is read. A run
  // refuses a dataset with faults, `verify` lists them.
  [[nodiscard]] virtual std::vector<Fault> faults() const;
  // Extent left empty on both sides of a held-out block, in the unit of Item::begin.
  [[nodiscard]] virtual double gap() const = 0;
};

}  // namespace sam3lab
