// Annotation files of one image, in the encodings that data sets use. How to read each:
// plugins/datasets/paired_folders/README.md.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <sam3lab/api/options.h>

#include "plugins/datasets/shared/masks/found_masks.h"
#include "plugins/datasets/shared/tables/label_text.h"

namespace sam3lab::datasets {

struct MaskOptions {
  std::string encoding = "binary", other = "error", variable, type_variable;
  double threshold = 127.0;
  bool invert = false, nearest = false;
  Integers ignore, background = {0};

  template <class V>
  void visit(V&& v) {
    v("encoding", encoding, one_of(encodings()).about("of the mask files"));
    v("threshold", threshold, at_least(0).about("binary, outline: a value above it is mask; of colours their mean"));
    v("invert", invert, about("binary: a value above the threshold is no mask"));
    v("ignore", ignore, about("values, colours (0xRRGGBB), mat, binary: pixels of which nothing is known"));
    v("background", background, about("values, colours (0xRRGGBB), instances, mat: stored where there is nothing"));
    v("other", other,
      one_of({"error", "background"}).about("a stored value that is in no label, neither ignored nor background"));
    v("nearest", nearest, about("values, colours: take the nearest known one, for masks that lossy compression has blurred"));
    v("variable", variable, about("mat: name of the array; empty: the only one of the file"));
    v("type_variable", type_variable, about("mat: name of a second array with the type of each pixel's object, for the table"));
  }

  static Texts encodings() {
    return {"binary", "outline", "values", "colours", "instances", "points_text", "ddti_xml", "labelme", "aperio_xml", "mat"};
  }
  // Labels come from a table of stored values.
  [[nodiscard]] bool by_table() const { return encoding == "values" || encoding == "colours"; }
  [[nodiscard]] bool may_have_table() const { return by_table() || encoding == "mat" || encoding == "labelme"; }
};

// Options with the labels that they need, both checked against each other.
struct MaskReader {
  MaskOptions options;
  std::vector<std::string> labels;  // in the order of FoundMasks
  std::vector<LabelEntry> table;    // values, colours, mat; empty: one label for all
  std::vector<LabelWords> words;    // labelme; empty: one label for all
};

struct MaskFile {
  std::string path;
  std::size_t label = 0;         // what its template says, where no table does
  bool one_object = false;       // binary, outline: the file is one object, whether its parts are connected or not
  std::string mark = {};         // ddti_xml: only marks of this image number; empty: all
  bool silent_is_empty = false;  // ddti_xml: a file without such a mark says that nothing is there, not nothing
};

// Throws DataError that names the file: unreadable, of another size than the image, values outside of the encoding.
void read_mask_file(const MaskReader& reader, const MaskFile& file, FoundMasks& found);

// [H, W] bool of an image file: values (of colours their mean) above `threshold`. DataError if nothing is above it although the
// file is not black: the threshold is then that of another encoding.
at::Tensor read_above(const std::string& path, double threshold, std::int64_t height, std::int64_t width);

// What read_mask_file is made of, by what the files hold.
namespace masks {
void read_values(const MaskReader& reader, const MaskFile& file, FoundMasks& found);     // values, colours, mat with a table
void read_instances(const MaskReader& reader, const MaskFile& file, FoundMasks& found);  // instances, mat
void read_contours(const MaskReader& reader, const MaskFile& file, FoundMasks& found);   // points_text and files of polygons

void check_size(const at::Tensor& mask, const FoundMasks& found, const std::string& path);
// Any real array -> [H, W] int32, whole numbers that fit.
at::Tensor whole_numbers(const at::Tensor& array, const std::string& path);
}  // namespace masks

}  // namespace sam3lab::datasets
