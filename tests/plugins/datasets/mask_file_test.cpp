// Each encoding of masks, read from files as data sets have them.
#include "tests/plugins/datasets/paired_folders.h"

namespace sam3lab::mask_file_test {
namespace {

using test::block;
using MaskEncodings = test::PairedFolders;
using test::refusal;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(MaskEncodings, ThresholdsAndInvertedMasks) {
  auto options = one("binary", "masks/{id}.png");
  png("set/masks/a.png", block(0, 0, 2, 3, 1));
  EXPECT_THAT(
      refusal([&] { load(options); }),
      AllOf(HasSubstr("3 "), HasSubstr("a.png: a mask that is not black, with nothing above the threshold; got values up to 1"),
            HasSubstr("lower `threshold`")));
  options.mask.threshold = 0;
  EXPECT_EQ(pixels(load(options), "thing"), 6);
  options.mask.invert = true;
  EXPECT_EQ(pixels(load(options), "thing"), 12 * 16 - 6);
  options.mask.invert = false;
  options.min_pixels = 7;
  EXPECT_THAT(load(options).unsure, ElementsAre("thing"));
  png("set/masks/a.png", torch::zeros({12, 15}, torch::kUInt8));
  EXPECT_THAT(refusal([&] { load(options); }), AllOf(HasSubstr("3 "), HasSubstr("got 12 x 15, expected 12 x 16")));
}

// Kvasir-SEG and TN3K store masks as JPEG: black and white are nearly so.
TEST_F(MaskEncodings, MasksThatAJpegHasBlurred) {
  auto options = one("binary", "masks/{id}.jpg");
  make_room("set/masks/a.jpg");
  test::write_grey_jpeg(folder_ / "set/masks/a.jpg", block(3, 5, 6, 7));
  const auto stored = read_raster(folder_ / "set/masks/a.jpg");
  EXPECT_GT(stored.ne(0).logical_and(stored.ne(255)).sum().item<int>(), 10);
  const auto image = load(options);
  EXPECT_TRUE(image.labels.at(0).masks[0].equal(block(3, 5, 6, 7) > 0));
  test::write_grey_jpeg(folder_ / "set/masks/a.jpg", block(3, 5, 6, 7, 12));  // dirt of an empty mask
  EXPECT_TRUE(load(options).labels.empty());
  options.labels = {};
  options.table = table("\"thing\" = [255]\n");
  options.mask.encoding = "values";
  test::write_grey_jpeg(folder_ / "set/masks/a.jpg", block(3, 5, 6, 7));
  EXPECT_THAT(refusal([&] { load(options); }), AllOf(HasSubstr("3 "), HasSubstr("JPEG")));
  options.mask.nearest = true;
  EXPECT_EQ(pixels(load(options), "thing"), 6 * 7);
}

TEST_F(MaskEncodings, PartsOfOneMaskAreInstances) {
  auto options = one("binary", "masks/{id}.png");
  png("set/masks/a.png", block(0, 0, 2, 3) + block(6, 6, 2, 2));
  options.targets = "instances";
  EXPECT_EQ(load(options).labels[0].masks.size(0), 2);
}

// BCSS: 0 lies outside of the annotated region.
TEST_F(MaskEncodings, ValuesWithAnIgnoredOne) {
  auto options = one("values", "masks/{id}.png");
  options.labels = {};
  options.table = table("\"tumour\" = [1]\n\"stroma\" = [2, 3]\n");
  auto values = block(0, 0, 12, 4, 1);
  values.narrow(1, 4, 4).fill_(2);
  values.narrow(1, 8, 2).fill_(3);
  values.narrow(1, 10, 2).fill_(7);
  png("set/masks/a.png", values);
  options.mask.ignore = {0};
  options.mask.background = {};
  EXPECT_THAT(refusal([&] { load(options); }),
              AllOf(HasSubstr("3 "), HasSubstr("a.png: values outside of the encoding; got 7 (24 px), expected 2, 3, 1")));
  options.mask.other = "background";
  const auto image = load(options);
  EXPECT_EQ(pixels(image, "tumour"), 48);
  EXPECT_EQ(pixels(image, "stroma"), 72);
  ASSERT_TRUE(image.ignore.defined());
  EXPECT_EQ(image.ignore.sum().item<int>(), 48);
  options.mask.other = "error";
  options.mask.background = {7};
  EXPECT_EQ(pixels(load(options), "tumour"), 48);
  options.mask.ignore = {};
  options.mask.background = {0, 7};
  EXPECT_FALSE(load(options).ignore.defined());
}

TEST_F(MaskEncodings, ColoursExactAndNearest) {
  auto options = one("colours", "masks/{id}.png");
  options.labels = {};
  options.table = table("\"polyp\" = [\"#FF0000\", \"#00ff00\"]\n\"tool\" = [\"#0000FF\"]\n");
  auto colours = torch::zeros({12, 16, 3}, torch::kUInt8);
  colours.narrow(1, 0, 2).select(2, 0).fill_(255);
  colours.narrow(1, 2, 3).select(2, 1).fill_(255);
  colours.narrow(1, 8, 1).select(2, 2).fill_(255);
  png("set/masks/a.png", colours);
  auto image = load(options);
  EXPECT_EQ(pixels(image, "polyp"), 5 * 12);
  EXPECT_EQ(pixels(image, "tool"), 12);
  colours.narrow(1, 2, 3).select(2, 1).fill_(240);
  colours.narrow(1, 9, 1).fill_(9);
  png("set/masks/a.png", colours);
  EXPECT_THAT(refusal([&] { load(options); }),
              AllOf(HasSubstr("#00F000 (36 px), #090909 (12 px)"), HasSubstr("#00FF00, #FF0000, #0000FF")));
  options.mask.nearest = true;
  image = load(options);
  EXPECT_EQ(pixels(image, "polyp"), 5 * 12);
  EXPECT_EQ(pixels(image, "tool"), 12);
  options.table = table("\"polyp\" = [\"red\"]\n");
  EXPECT_THAT(refusal([&] { load(options); }), AllOf(HasSubstr("2 "), HasSubstr("table.toml:1"), HasSubstr("got red")));
}

TEST_F(MaskEncodings, NumberedObjects) {
  auto options = one("instances", "masks/{id}.png");
  auto numbers = torch::zeros({12, 16}, torch::kInt32);
  numbers.narrow(0, 0, 2).fill_(300);
  numbers.narrow(0, 4, 2).fill_(7);
  numbers.narrow(0, 6, 1).fill_(9);
  png("set/masks/a.png", numbers);
  EXPECT_EQ(pixels(load(options), "thing"), 5 * 16);
  options.targets = "instances";
  EXPECT_EQ(load(options).labels[0].masks.size(0), 3);
  options.mask.ignore = {9};
  const auto image = load(options);
  EXPECT_EQ(image.labels[0].masks.size(0), 2);
  EXPECT_EQ(image.ignore.sum().item<int>(), 16);
}

// HC18: the outline of the head as a line of one pixel.
TEST_F(MaskEncodings, OutlinesAreFilled) {
  auto options = one("outline", "masks/{id}.png");
  auto ring = block(2, 2, 7, 9);
  ring.narrow(0, 3, 5).narrow(1, 3, 7).fill_(0);
  ring[2][2] = 0;  // a corner: the line goes on diagonally
  ring[2][3] = 0;
  ring[3][3] = 255;
  png("set/masks/a.png", ring);
  EXPECT_EQ(pixels(load(options), "thing"), 7 * 9 - 2);
  auto two = ring.clone();
  two.narrow(0, 3, 3).narrow(1, 12, 3).fill_(255);
  two[4][13] = 0;
  png("set/masks/a.png", two);
  options.targets = "instances";
  EXPECT_EQ(load(options).labels[0].masks.size(0), 2);
  EXPECT_EQ(pixels(load(options), "thing"), 7 * 9 - 2 + 9);
  auto gap = ring.clone();
  gap[8][6] = 0;
  png("set/masks/a.png", gap);
  EXPECT_THAT(refusal([&] { load(options); }), AllOf(HasSubstr("3 "), HasSubstr("an outline that is not closed")));
  png("set/masks/a.png", block(0, 0, 6, 6));
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("encoding = \"binary\" for a filled mask"));
  // Cut by the upper border: a half ring, closed along it.
  auto cut = block(0, 4, 6, 8);
  cut.narrow(0, 0, 5).narrow(1, 5, 6).fill_(0);
  png("set/masks/a.png", cut);
  EXPECT_EQ(pixels(load(options), "thing"), 6 * 8);
}

TEST_F(MaskEncodings, ContoursOfPoints) {
  auto options = one("points_text", "masks/{id}.txt");
  text("set/masks/a.txt", "2 3\r\n 6.0, 3\n6 8\n\n2\t8\n");
  EXPECT_EQ(pixels(load(options), "thing"), 4 * 5);
  text("set/masks/a.txt", "2 3\n6 3\n6 8 9\n");
  EXPECT_THAT(refusal([&] { load(options); }), AllOf(HasSubstr("a.txt:3: no point of a contour; got 6 8 9")));
  text("set/masks/a.txt", "2 3\n6 nan\n6 8\n");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("outside of its image"));
  text("set/masks/a.txt", "2 3\n600 3\n6 8\n");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("a point at 600, 3"));
  text("set/masks/a.txt", "2 3\n6 3\n");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("no contour; got 2 points"));
}

TEST_F(MaskEncodings, MarksOfDdti) {
  auto options = one("ddti_xml", "{case}.xml");
  options.images = {"{case}_{image:[0-9]+}.png"};
  options.mark = "{image}";
  image("set/4_1.png");
  image("set/4_2.png");
  image("set/4_3.png");
  const std::string points =
      R"([{"points": [{"x": 2, "y": 3}, {"x": 6, "y": 3}, {"x": 6, "y": 8}, {"x": 2, "y": 8}], "regionType": "freehand"}])";
  text("set/4.xml", "<?xml version=\"1.0\"?><case><number>4</number><mark><image>1</image><svg>" + points +
                        "</svg></mark><mark><image> 2 </image><svg>[]</svg></mark></case>");
  EXPECT_EQ(pixels(load(options, 0), "thing"), 20);
  EXPECT_TRUE(load(options, 1).labels.empty());
  EXPECT_TRUE(load(options, 1).unsure.empty());
  EXPECT_THAT(load(options, 2).unsure, ElementsAre("thing"));  // the file says nothing of it
  options.missing_mask = "empty";
  EXPECT_TRUE(load(options, 2).unsure.empty());
  text("set/4.xml", "<case><mark><image>1</image><svg>[{\"points\": [{\"x\": 2</svg></mark></case>");
  EXPECT_THAT(refusal([&] { load(options); }), AllOf(HasSubstr("3 "), HasSubstr("4.xml: no JSON of annotations")));
  text("set/4.xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><case>&b;</case>");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("a document type"));
  text("set/4.xml", "<case>\n<mark>\n</case>");
  EXPECT_THAT(refusal([&] { load(options); }), AllOf(HasSubstr("4.xml:3"), HasSubstr("mismatched tag")));
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  text("set/4.xml", deep);
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("64 layers"));
}

TEST_F(MaskEncodings, ShapesOfLabelmeAndRegionsOfAperio) {
  auto options = one("labelme", "masks/{id}.json");
  const std::string square = R"([[2, 3], [6, 3], [6, 8], [2, 8]])";
  text("set/masks/a.json", R"({"imageHeight": 12, "imageWidth": 16, "shapes": [)"
                           R"({"label": "plasma_cell", "shape_type": "polygon", "points": )" +
                               square + "}," +
                               R"({"label": "plasma_cell", "shape_type": "rectangle", "points": [[0, 0], [15, 11]]},)" +
                               R"({"label": "other", "points": [[10, 0], [12, 0], [12, 2]]}]})");
  EXPECT_EQ(pixels(load(options), "thing"), 20 + 3);
  options.labels = {};
  options.table = table("\"plasma cell\" = [\"plasma_cell\"]\n");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("a label outside of the encoding; got other"));
  options.mask.other = "background";
  EXPECT_EQ(pixels(load(options), "plasma cell"), 20);
  text("set/masks/a.json", R"({"imageHeight": 12, "imageWidth": 17, "shapes": []})");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("imageWidth is not that of the image; got 17, expected 16"));
  text("set/masks/a.json", R"({"shapes": [{"points": 3}]})");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("no annotation of labelme"));

  auto aperio = one("aperio_xml", "masks/{id}.xml");
  const auto region = [](int left) {
    std::string out = "<Region><Vertices>";
    for (const auto& [x, y] : std::vector<std::pair<int, int>>{{0, 0}, {3, 0}, {3, 3}, {0, 3}})
      out += "<Vertex X=\"" + std::to_string(left + x) + ".0\" Y=\"" + std::to_string(y) + "\" Z=\"0\"/>";
    return out + "</Vertices></Region>";
  };
  text("set/masks/a.xml", "<Annotations MicronsPerPixel=\"0.25\"><Annotation><Regions>" + region(0) + region(8) +
                              "</Regions></Annotation></Annotations>");
  aperio.targets = "instances";
  EXPECT_EQ(load(aperio).labels[0].masks.size(0), 2);
  EXPECT_EQ(pixels(load(aperio), "thing"), 18);
}

TEST_F(MaskEncodings, ContoursThatCrossThemselvesAndLeaveTheImage) {
  auto options = one("points_text", "masks/{id}.txt");
  // A square gone around twice, and one cut off by the left and upper border.
  text("set/masks/a.txt", "2 3\n6 3\n6 8\n2 8\n2 3\n6 3\n6 8\n2 8\n");
  EXPECT_EQ(pixels(load(options), "thing"), 4 * 5);
  text("set/masks/a.txt", "-3 -2\n4 -2\n4 2\n-3 2\n");
  EXPECT_EQ(pixels(load(options), "thing"), 4 * 2);
  text("set/masks/a.txt", "8 0.3\n12 6\n8 11.7\n4 6\n");  // a lozenge
  const auto image = load(options);
  EXPECT_NEAR(static_cast<double>(pixels(image, "thing")), 0.5 * 8 * 11.4, 3.0);
  const auto& mask = image.labels[0].masks[0];
  EXPECT_TRUE(mask.equal(mask.flip(0)));
  EXPECT_TRUE(mask.equal(mask.flip(1)));
}

// DRIVE: what lies outside of the round field of view is black in the `mask`, and no vessel.
TEST_F(MaskEncodings, OutsideOfTheFieldOfViewNothingCounts) {
  auto options = one("binary", "masks/{id}_manual.png");
  png("set/masks/a_manual.png", block(0, 0, 4, 16));
  png("set/view/a_view.png", block(0, 4, 12, 8));
  options.field_of_view = "view/{id}_view.png";
  const auto image = load(options);
  EXPECT_EQ(image.ignore.sum().item<int>(), 12 * 8);
  EXPECT_EQ(pixels(image, "thing"), 4 * 8);
  png("set/masks/a_manual.png", block(0, 0, 4, 4));
  EXPECT_THAT(load(options).unsure, ElementsAre("thing"));  // it is only where nothing counts
  std::filesystem::remove(folder_ / "set/view/a_view.png");
  EXPECT_THAT(faults_of(options), HasSubstr("images without a field of view; got 1: images/a.png"));
}

// A .npy stands for all arrays: scripts test .mat against another writer.
TEST_F(MaskEncodings, ArraysByValueByNumberAndByType) {
  const auto npy = [&](const std::string& path, const std::vector<std::uint8_t>& values) {
    std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (12, 16), }";
    header.resize(117, ' ');
    header += '\n';
    std::string bytes("\x93NUMPY\x01\0\x76\0", 10);  // version 1.0, 118 bytes of header
    bytes += header;
    bytes.append(values.begin(), values.end());
    text(path, bytes);
  };
  std::vector<std::uint8_t> values(12 * 16, 0);
  for (std::size_t i = 0; i < 16; ++i) values[i] = 5, values[64 + i] = 6;
  auto options = one("mat", "masks/{id}.npy");
  npy("set/masks/a.npy", values);
  options.targets = "instances";
  EXPECT_EQ(load(options).labels[0].masks.size(0), 2);
  options.labels = {};
  options.table = table("\"five\" = [5]\n\"six\" = [6]\n");
  EXPECT_EQ(pixels(load(options), "six"), 16);
  options.table = table("\"five\" = [5]\n");
  EXPECT_THAT(refusal([&] { load(options); }), HasSubstr("values outside of the encoding; got 6 (16 px)"));
}

}  // namespace
}  // namespace sam3lab::mask_file_test
