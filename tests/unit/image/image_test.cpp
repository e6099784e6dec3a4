#include <cmath>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>
#include <torch/types.h>
#include <zlib.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>
#include <sam3lab/api/random.h>

#include "tests/support/make_files.h"

namespace sam3lab::image_test {
namespace {

using test::TempFolder;
using testing::HasSubstr;

at::Tensor noise(std::vector<std::int64_t> shape, int high, at::ScalarType type) {
  torch::manual_seed(1);
  return torch::randint(0, high, shape).to(type);
}

void write_palette_png(const std::string& path) {  // 2 x 2, indices 0 1 / 2 1
  std::FILE* file = std::fopen(path.c_str(), "wb");
  auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  auto* info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, 2, 2, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  const png_color colours[3] = {{0, 0, 0}, {255, 10, 0}, {0, 20, 255}};
  png_set_PLTE(png, info, colours, 3);
  png_write_info(png, info);
  png_byte rows[2][2] = {{0, 1}, {2, 1}};
  png_write_row(png, rows[0]);
  png_write_row(png, rows[1]);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

void write_jpeg(const std::string& path, int side, bool progressive = false) {  // left half dark, right half light
  std::FILE* file = std::fopen(path.c_str(), "wb");
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, file);
  jpeg.image_width = jpeg.image_height = static_cast<JDIMENSION>(side);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(3 * side), 40);
  std::fill(row.begin() + 3 * side / 2, row.end(), JSAMPLE{200});
  for (int y = 0; y < side; ++y) {
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&jpeg, &line, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::fclose(file);
}

void write_tiff(const std::string& path, const at::Tensor& grey16, bool tiled, std::uint16_t compression) {
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  const auto height = static_cast<std::uint32_t>(grey16.size(0)), width = static_cast<std::uint32_t>(grey16.size(1));
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 16);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression);
  const auto value = [&](std::uint32_t y, std::uint32_t x) {
    return y < height && x < width ? static_cast<std::uint16_t>(grey16[y][x].item<int>()) : std::uint16_t{0};
  };
  if (tiled) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 16);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
    std::vector<std::uint16_t> tile(256);
    for (std::uint32_t top = 0; top < height; top += 16) {
      for (std::uint32_t left = 0; left < width; left += 16) {
        for (std::uint32_t i = 0; i < 256; ++i) tile[i] = value(top + i / 16, left + i % 16);
        TIFFWriteTile(tiff, tile.data(), left, top, 0, 0);
      }
    }
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 5);
    std::vector<std::uint16_t> row(width);
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) row[x] = value(y, x);
      TIFFWriteScanline(tiff, row.data(), y, 0);
    }
  }
  TIFFClose(tiff);
}

template <class Read>
std::string refusal(Read read) {
  try {
    read();
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

// Every shortened and many altered copies of a file are read or refused; nothing else may happen.
template <class Read>
void survive_damage(const std::string& path, Read read, bool every_cut_is_refused) {
  const auto whole = test::read_bytes(path);
  const auto broken = path + ".broken";
  const auto attempt = [&](const std::vector<std::uint8_t>& bytes) {
    test::write_bytes(broken, bytes);
    return refusal([&] { read(broken); });
  };
  const auto step = std::max<std::size_t>(1, whole.size() / 80);
  for (std::size_t n = 0; n + 1 < whole.size(); n += step) {
    const auto text = attempt({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)});
    if (!every_cut_is_refused) continue;
    EXPECT_THAT(text, HasSubstr(broken)) << "cut to " << n << " of " << whole.size() << " bytes";
  }
  Random random(3, path.substr(path.rfind('/')));
  for (int i = 0; i < 120; ++i) {
    auto bytes = whole;
    for (int k = 0; k < 3; ++k)
      bytes[random.below(std::min<std::size_t>(bytes.size(), i % 2 == 0 ? 400 : bytes.size()))] ^=
          static_cast<std::uint8_t>(1U << random.below(8));
    attempt(bytes);
  }
}

TEST(Raster, PngRoundTrip) {
  const TempFolder folder;
  const auto colour = noise({7, 5, 3}, 256, torch::kUInt8), deep = noise({9, 4}, 65536, torch::kInt32),
             mask = noise({3, 8}, 2, torch::kBool);
  write_png(folder / "colour.png", colour);
  write_png(folder / "new/deep.png", deep);
  write_png(folder / "mask.png", mask);
  EXPECT_TRUE(read_raster(folder / "colour.png").equal(colour));
  EXPECT_TRUE(read_raster(folder / "new/deep.png").equal(deep.unsqueeze(2)));
  EXPECT_TRUE(read_label_raster(folder / "new/deep.png").equal(deep));
  EXPECT_TRUE(read_label_raster(folder / "mask.png").equal(mask.to(torch::kInt32) * 255));
  EXPECT_THAT(refusal([&] { read_label_raster(folder / "colour.png"); }), HasSubstr("colours"));
  survive_damage(
      folder / "colour.png", [](const auto& path) { read_raster(path); }, true);
  survive_damage(
      folder / "new/deep.png", [](const auto& path) { read_label_raster(path); }, true);
}

TEST(Raster, PaletteIsColourForImagesAndIndexForLabels) {
  const TempFolder folder;
  write_palette_png(folder / "palette.png");
  const auto image = read_raster(folder / "palette.png");
  EXPECT_TRUE(image[0][1].equal(torch::tensor({255, 10, 0}, torch::kUInt8)));
  EXPECT_TRUE(image[1][0].equal(torch::tensor({0, 20, 255}, torch::kUInt8)));
  EXPECT_TRUE(read_label_raster(folder / "palette.png").equal(torch::tensor({0, 1, 2, 1}, torch::kInt32).view({2, 2})));
}

TEST(Raster, Jpeg) {
  const TempFolder folder;
  write_jpeg(folder / "a.jpg", 48);
  const auto image = read_raster(folder / "a.jpg");
  ASSERT_EQ(image.sizes(), torch::IntArrayRef({48, 48, 3}));
  EXPECT_NEAR(image.narrow(1, 0, 20).to(torch::kFloat).mean().item<double>(), 40, 1.5);
  EXPECT_NEAR(image.narrow(1, 28, 20).to(torch::kFloat).mean().item<double>(), 200, 1.5);
  EXPECT_THAT(refusal([&] { read_label_raster(folder / "a.jpg"); }), HasSubstr("JPEG"));
  survive_damage(
      folder / "a.jpg", [](const auto& path) { read_raster(path); }, false);
  auto bytes = test::read_bytes(folder / "a.jpg");
  bytes.resize(bytes.size() * 2 / 3);
  test::write_bytes(folder / "cut.jpg", bytes);
  EXPECT_THAT(refusal([&] { read_raster(folder / "cut.jpg"); }), HasSubstr("cut.jpg"));
}

TEST(Raster, TiffStripsAndTiles) {
  const TempFolder folder;
  const auto deep = noise({37, 41}, 65536, torch::kInt32);
  for (const bool tiled : {false, true}) {
    for (const std::uint16_t compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE}) {
      const auto path = folder / ("t" + std::to_string(tiled) + std::to_string(compression) + ".tif");
      write_tiff(path, deep, tiled, compression);
      EXPECT_TRUE(read_raster(path).equal(deep.unsqueeze(2))) << path;
      EXPECT_TRUE(read_label_raster(path).equal(deep)) << path;
      survive_damage(
          path, [](const auto& file) { read_raster(file); }, false);
    }
  }
}

// An empty mask with a palette of one colour shrinks more than any other image; it is no bomb.
TEST(Raster, BlankPaletteOfSingleBitsIsRead) {
  const TempFolder folder;
  std::FILE* file = std::fopen((folder / "blank.png").c_str(), "wb");
  auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  auto* info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, 1000, 1000, 1, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  const png_color colour = {7, 8, 9};
  png_set_PLTE(png, info, &colour, 1);
  png_set_compression_level(png, 9);
  png_write_info(png, info);
  const std::vector<png_byte> row(125, 0);
  for (int y = 0; y < 1000; ++y) png_write_row(png, row.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
  const auto image = read_raster(folder / "blank.png");
  ASSERT_EQ(image.sizes(), at::IntArrayRef({1000, 1000, 3}));
  EXPECT_EQ(image[999][999][2].item<int>(), 9);
}

// The coefficients of a progressive file stay in memory until its end: a few hundred bytes must not ask for a gigabyte.
TEST(Raster, ProgressiveJpegTakesNoMoreMemoryThanItsFileCanFill) {
  const TempFolder folder;
  write_jpeg(folder / "a.jpg", 16, true);
  EXPECT_EQ(read_raster(folder / "a.jpg").sizes(), at::IntArrayRef({16, 16, 3}));
  auto bytes = test::read_bytes(folder / "a.jpg");
  const std::vector<std::uint8_t> mark = {0xff, 0xc2};
  const auto frame = std::search(bytes.begin(), bytes.end(), mark.begin(), mark.end());
  ASSERT_NE(frame, bytes.end());
  for (const int at : {5, 7}) frame[at] = 0x3f, frame[at + 1] = 0xff;  // 16383 x 16383
  test::write_bytes(folder / "b.jpg", bytes);
  EXPECT_THAT([&] { read_raster(folder / "b.jpg"); }, testing::ThrowsMessage<DataError>(HasSubstr("Backing store")));
}

TEST(Raster, RefusalsNameTheFile) {
  const TempFolder folder;
  test::write_text(folder / "text.png", "no image");
  test::write_bytes(folder / "empty.png", {});
  EXPECT_THAT(refusal([&] { read_raster(folder / "missing.png"); }),
              AllOf(HasSubstr("missing.png"), HasSubstr("no such file")));
  EXPECT_THAT(refusal([&] { read_raster(folder / "text.png"); }),
              AllOf(HasSubstr("text.png"), HasSubstr("unknown image format")));
  EXPECT_THAT(refusal([&] { read_raster(folder / "empty.png"); }), HasSubstr("empty file"));
  EXPECT_THAT(refusal([&] { read_raster(folder / ""); }), HasSubstr("not a file"));
}

TEST(Raster, PercentilesAndWindow) {
  const auto values = torch::tensor({4.0F, 1.0F, NAN, 3.0F, 2.0F, INFINITY});
  const auto [low, high] = percentiles(values, 0, 50);
  EXPECT_DOUBLE_EQ(low, 1.0);
  EXPECT_DOUBLE_EQ(high, 2.5);
  EXPECT_DOUBLE_EQ(percentiles(values, 10, 100).first, 1.3);
  EXPECT_TRUE(window(torch::tensor({-1.0F, 0.0F, 5.0F, 10.0F, 11.0F, NAN}), 0, 10)
                  .equal(torch::tensor({0, 0, 128, 255, 255, 0}, torch::kUInt8)));
}

TEST(Volume, ValuesTypesScaleAndOrder) {
  const TempFolder folder;
  std::vector<std::int16_t> voxels(2 * 3 * 4);
  for (std::size_t i = 0; i < voxels.size(); ++i) voxels[i] = static_cast<std::int16_t>(static_cast<int>(i) - 5);
  auto header = test::nifti_header<std::int16_t>({2, 3, 4}, NIFTI_TYPE_INT16);
  header.scl_slope = 2;
  header.scl_inter = 10;
  test::write_bytes(folder / "v.nii", test::nifti_bytes(header, voxels));
  const auto volume = read_volume(folder / "v.nii");
  ASSERT_EQ(volume.voxels.sizes(), torch::IntArrayRef({2, 3, 4}));
  EXPECT_EQ(volume.voxels[1][2][3].item<float>(),
            2 * (1 + 2 * 2 + 3 * 6 - 5) + 10);  // the first axis is the fastest in the file

  const auto bytes = test::nifti_bytes(header, voxels);
  gzFile zipped = gzopen((folder / "v.nii.gz").c_str(), "wb");
  gzwrite(zipped, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(zipped);
  EXPECT_TRUE(read_volume(folder / "v.nii.gz").voxels.equal(volume.voxels));
  survive_damage(
      folder / "v.nii", [](const auto& path) { read_volume(path); }, true);
  survive_damage(
      folder / "v.nii.gz", [](const auto& path) { read_volume(path); }, true);

  const auto doubles = std::vector<double>{0.5, -1.5};
  test::write_bytes(folder / "d.nii", test::nifti_bytes(test::nifti_header<double>({2, 1, 1}, NIFTI_TYPE_FLOAT64), doubles));
  EXPECT_EQ(read_volume(folder / "d.nii").voxels[1][0][0].item<float>(), -1.5F);
}

TEST(Volume, SwappedBytes) {
  const TempFolder folder;
  auto header = test::nifti_header<std::int16_t>({2, 1, 1}, NIFTI_TYPE_INT16);
  auto bytes = test::nifti_bytes(header, std::vector<std::int16_t>{258, 3});
  const auto turn = [&bytes](std::size_t at, std::size_t count) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + count));
  };
  turn(0, 4);
  for (std::size_t i = 0; i < 8; ++i) turn(40 + 2 * i, 2);          // dim
  for (const std::size_t at : {70U, 72U, 252U, 254U}) turn(at, 2);  // datatype, bitpix, qform, sform
  for (std::size_t i = 0; i < 8; ++i) turn(76 + 4 * i, 4);          // pixdim
  for (const std::size_t at : {108U, 112U, 116U}) turn(at, 4);
  for (std::size_t i = 0; i < 12; ++i) turn(280 + 4 * i, 4);  // srow
  turn(352, 2);
  turn(354, 2);
  test::write_bytes(folder / "big.nii", bytes);
  const auto volume = read_volume(folder / "big.nii");
  EXPECT_EQ(volume.voxels[0][0][0].item<float>(), 258);
  EXPECT_EQ(volume.affine[1][1], 1);
}

TEST(Volume, QformAndSpacing) {
  const TempFolder folder;
  auto header = test::nifti_header<std::uint8_t>({2, 2, 2}, NIFTI_TYPE_UINT8);
  header.sform_code = 0;
  header.qform_code = 1;
  header.quatern_d = 1;  // half a turn about z: x and y change sign
  header.pixdim[1] = 2, header.pixdim[2] = 3, header.pixdim[3] = 4;
  header.qoffset_x = 7;
  test::write_bytes(folder / "q.nii", test::nifti_bytes(header, std::vector<std::uint8_t>(8)));
  const auto volume = read_volume(folder / "q.nii");
  EXPECT_NEAR(volume.affine[0][0], -2, 1e-6);
  EXPECT_NEAR(volume.affine[1][1], -3, 1e-6);
  EXPECT_NEAR(volume.affine[2][2], 4, 1e-6);
  EXPECT_NEAR(volume.affine[0][3], 7, 1e-6);
  header.qform_code = 0;
  test::write_bytes(folder / "p.nii", test::nifti_bytes(header, std::vector<std::uint8_t>(8)));
  EXPECT_NEAR(read_volume(folder / "p.nii").affine[1][1], 3, 1e-6);
}

TEST(Volume, ToRasPutsEveryVoxelWhereItWas) {
  const TempFolder folder;
  // I runs to inferior, J to the left, K to anterior.
  const test::Rows rows = {{{0, -2, 0, 10}, {0, 0, 3, -5}, {-4, 0, 0, 20}}};
  std::vector<std::int16_t> voxels(3 * 4 * 5);
  for (std::size_t i = 0; i < voxels.size(); ++i) voxels[i] = static_cast<std::int16_t>(i);
  test::write_bytes(folder / "o.nii",
                    test::nifti_bytes(test::nifti_header<std::int16_t>({3, 4, 5}, NIFTI_TYPE_INT16, rows), voxels));
  const auto raw = read_volume(folder / "o.nii"), ras = to_ras(raw);
  ASSERT_EQ(ras.voxels.sizes(), torch::IntArrayRef({4, 5, 3}));
  EXPECT_EQ(ras.spacing_mm, (std::array<double, 3>{2, 3, 4}));
  const auto place = [](const Volume& v, std::array<double, 3> at) {
    std::array<double, 3> mm{};
    for (std::size_t row = 0; row < 3; ++row)
      mm[row] = v.affine[row][0] * at[0] + v.affine[row][1] * at[1] + v.affine[row][2] * at[2] + v.affine[row][3];
    return mm;
  };
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 5; ++k) {
        EXPECT_EQ(ras.voxels[3 - j][k][2 - i].item<float>(), raw.voxels[i][j][k].item<float>());
        EXPECT_EQ(place(ras, {3.0 - j, 1.0 * k, 2.0 - i}), place(raw, {1.0 * i, 1.0 * j, 1.0 * k}));
      }
    }
  }
}

TEST(Volume, HostileHeaders) {
  const TempFolder folder;
  const auto path = folder / "h.nii";
  const auto refuse = [&](auto change) {
    auto header = test::nifti_header<std::uint8_t>({2, 2, 2}, NIFTI_TYPE_UINT8);
    change(header);
    test::write_bytes(path, test::nifti_bytes(header, std::vector<std::uint8_t>(8)));
    return refusal([&] { read_volume(path); });
  };
  EXPECT_EQ(refuse([](auto&) {}), "");
  EXPECT_THAT(refuse([](auto& h) { h.dim[1] = h.dim[2] = h.dim[3] = 32767; }), HasSubstr("volume too large"));
  EXPECT_THAT(refuse([](auto& h) { h.dim[1] = h.dim[2] = 32767, h.dim[3] = 1; }), HasSubstr("too short for its header"));
  EXPECT_THAT(refuse([](auto& h) { h.dim[2] = -3; }), HasSubstr("a size of -3"));
  EXPECT_THAT(refuse([](auto& h) { h.dim[0] = 9; }), HasSubstr("9 dimensions"));
  EXPECT_THAT(refuse([](auto& h) { h.dim[0] = 4, h.dim[4] = 2; }), HasSubstr("more than three dimensions"));
  EXPECT_THAT(refuse([](auto& h) { h.datatype = NIFTI_TYPE_RGB24; }), HasSubstr("unsupported voxel type"));
  EXPECT_THAT(refuse([](auto& h) { h.vox_offset = NAN; }), HasSubstr("voxels at byte"));
  EXPECT_THAT(refuse([](auto& h) { h.vox_offset = 1e30F; }), HasSubstr("voxels at byte"));
  EXPECT_THAT(refuse([](auto& h) { h.vox_offset = 10; }), HasSubstr("voxels at byte"));
  EXPECT_THAT(refuse([](auto& h) { h.srow_x[0] = 0; }), HasSubstr("cannot be inverted"));
  EXPECT_THAT(refuse([](auto& h) { h.srow_y[1] = NAN; }), HasSubstr("cannot be inverted"));
  EXPECT_THAT(refuse([](auto& h) { std::memcpy(h.magic, "ni1", 4); }), HasSubstr("pair of files"));
  EXPECT_THAT(refuse([](auto& h) { h.magic[0] = 0; }), HasSubstr("not a NIfTI file"));
}

}  // namespace
}  // namespace sam3lab::image_test
