// A folder of small images and masks that a test fills, and the dataset over it.
#pragma once
#include <cstdio>  // jpeglib.h needs it

#include <jpeglib.h>

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/paired_folders/image_pairs.h"
#include "tests/support/make_files.h"

namespace sam3lab::test {
using namespace datasets::paired_folders;

template <class Make>
std::string refusal(Make make) {
  try {
    make();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + " " + error.what();
  }
  return "";
}

inline at::Tensor block(std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width, int value = 255) {
  auto mask = torch::zeros({12, 16}, torch::kUInt8);
  mask.narrow(0, top, height).narrow(1, left, width).fill_(value);
  return mask;
}

// Grey, as an encoder of images leaves a mask: edges ring.
inline void write_grey_jpeg(const std::string& path, const at::Tensor& image) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  jpeg_stdio_dest(&jpeg, file);
  jpeg.image_height = static_cast<JDIMENSION>(image.size(0));
  jpeg.image_width = static_cast<JDIMENSION>(image.size(1));
  jpeg.input_components = 1;
  jpeg.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 75, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (std::int64_t y = 0; y < image.size(0); ++y) {
    auto* row = image[y].data_ptr<std::uint8_t>();
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::fclose(file);
}

class PairedFolders : public testing::Test {
 protected:
  void png(const std::string& path, const at::Tensor& image) {
    make_room(path);
    write_png(folder_ / path, image);
  }
  void text(const std::string& path, const std::string& content) {
    make_room(path);
    write_text(folder_ / path, content);
  }
  void make_room(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / path).parent_path());
  }
  void image(const std::string& path) { png(path, torch::full({12, 16, 3}, 90, torch::kUInt8)); }
  // The folder `set`, with one label in one mask an image.
  [[nodiscard]] PairedFoldersOptions of_set(const std::string& images, const std::string& masks,
                                            const std::string& label) const {
    PairedFoldersOptions options;
    options.root = folder_ / "set";
    options.images = {images};
    options.masks = {masks};
    options.labels = {label};
    return options;
  }
  // One image a.png beside what the encoding's file is called; images {id}.png, masks as given.
  PairedFoldersOptions one(const std::string& encoding, const std::string& mask) {
    image("set/images/a.png");
    auto options = of_set("images/{id}.png", mask, "thing");
    options.mask.encoding = encoding;
    return options;
  }
  std::string table(const std::string& content) {
    text("table.toml", content);
    return folder_ / "table.toml";
  }
  static LabelledImage load(const PairedFoldersOptions& options, std::int64_t index = 0) {
    const ImagePairs data(options);
    EXPECT_THAT(data.faults(), testing::SizeIs(0)) << data.faults().front().text();
    return data.load(index);
  }
  static std::int64_t pixels(const LabelledImage& image, const std::string& label) {
    for (const auto& of : image.labels) {
      if (of.label == label) return of.masks.sum().item<std::int64_t>();
    }
    return -1;
  }
  static std::string faults_of(const PairedFoldersOptions& options) {
    std::string text;
    for (const auto& fault : ImagePairs(options).faults()) text += fault.text() + "\n";
    return text;
  }
  TempFolder folder_;
};

}  // namespace sam3lab::test
