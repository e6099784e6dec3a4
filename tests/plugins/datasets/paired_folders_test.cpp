// Folders as data sets come in: which mask belongs to which image, whose it is, and what is wrong.
#include "tests/plugins/datasets/paired_folders.h"

namespace sam3lab::paired_folders_test {
using namespace datasets::paired_folders;
namespace {

using test::block;
using test::PairedFolders;
using test::refusal;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// The layout of BUSI: classes as folders, masks beside images, some images with two.
TEST_F(PairedFolders, SeveralMasksBesideTheirImage) {
  image("set/benign/benign (1).png");
  png("set/benign/benign (1)_mask.png", block(0, 0, 2, 2));
  png("set/benign/benign (1)_mask_1.png", block(5, 5, 3, 3));
  image("set/benign/benign (10).png");
  png("set/benign/benign (10)_mask.png", block(0, 0, 4, 4));
  image("set/normal/normal (1).png");
  png("set/normal/normal (1)_mask.png", block(0, 0, 0, 0));
  auto options = of_set("{class:benign|malignant|normal}/{id}.png", "{class}/{id}_mask*.png", "breast lesion");
  options.expect = 3;
  const ImagePairs data(options);
  EXPECT_TRUE(data.faults().empty()) << data.faults().front().text();
  ASSERT_EQ(data.size(), 3);
  EXPECT_EQ(data.item(0).id, "benign (1)");
  EXPECT_EQ(data.item(0).subject, "set/benign (1)");
  EXPECT_EQ(pixels(data.load(0), "breast lesion"), 4 + 9);
  EXPECT_EQ(pixels(data.load(1), "breast lesion"), 16);
  EXPECT_TRUE(data.load(2).labels.empty());
  EXPECT_THAT(data.files(), SizeIs(7));
  options.targets = "instances";
  EXPECT_EQ(ImagePairs(options).load(0).labels[0].masks.size(0), 2);
  options.empty = "drop";
  const ImagePairs filled(options);
  EXPECT_EQ(filled.size(), 2);
  EXPECT_EQ(filled.dropped(), 1);
}

TEST_F(PairedFolders, PartsSitesAndSubjects) {
  for (const std::string subset : {"trainval", "test"}) {
    for (const std::string id : {"p7-2", "p7-10", "p8-1"}) {
      image("set/" + subset + "/images/" + id + ".png");
      png("set/" + subset + "/masks/" + id + ".png", block(1, 1, 2, 2));
    }
  }
  auto options =
      of_set("{subset:trainval|test}/images/{patient}-{number}.png", "{subset}/masks/{patient}-{number}.png", "nodule");
  options.root += "/";
  options.subset = "{subset}";
  options.subsets = {"trainval=train"};
  options.subject = "{patient}";
  options.site = "hospital {patient}";
  const ImagePairs data(options);
  ASSERT_EQ(data.size(), 6);
  const auto item = data.item(1);
  EXPECT_EQ(item.id, "test/images/p7-2");  // by bytes: -10 comes before -2
  EXPECT_EQ(item.subset, "test");
  EXPECT_EQ(item.site, "hospital p7");
  EXPECT_EQ(item.subject, "set/p7");
  EXPECT_EQ(item.begin, 0.0);  // by number: 2 comes before 10
  EXPECT_EQ(data.item(0).begin, 1.0);
  EXPECT_EQ(data.item(3).subset, "train");
  options.collection = "shared";
  EXPECT_EQ(ImagePairs(options).item(0).subject, "shared/p7");
}

TEST_F(PairedFolders, SubjectsFromATable) {
  for (const std::string id : {"1", "2", "30"}) {
    image("set/images/" + id + ".png");
    png("set/masks/" + id + ".png", block(1, 1, 2, 2));
  }
  auto options = one("binary", "masks/{id}.png");
  std::filesystem::remove(folder_ / "set/images/a.png");
  text("subjects.toml", "\"sequence 1\" = [[1, 25]]\n\"sequence 2\" = [\"30\"]\n");
  options.subject_table = folder_ / "subjects.toml";
  const ImagePairs data(options);
  EXPECT_TRUE(data.faults().empty());
  EXPECT_EQ(data.item(1).subject, "set/sequence 1");
  EXPECT_EQ(data.item(2).subject, "set/sequence 2");
  text("subjects.toml", "\"sequence 1\" = [[1, 1]]\n");
  EXPECT_THAT(faults_of(options), HasSubstr("table of subjects does not know; got 2: 2, 30"));
  text("subjects.toml", "\"a\" = [[1, 5]]\n\"b\" = [[5, 9]]\n\"c\" = 3\n");
  EXPECT_THAT(refusal([&] { ImagePairs made(options); }),
              AllOf(HasSubstr("2 "), HasSubstr("subjects.toml:2"), HasSubstr("overlaps"), HasSubstr("subjects.toml:3")));
}

// The layout of HC18: its table has a row for each image, with the file's name.
TEST_F(PairedFolders, PixelSizesFromATable) {
  for (const std::string id : {"000_HC", "010_HC", "010_2HC"}) {
    image("set/training_set/" + id + ".png");
    png("set/training_set/" + id + "_Annotation.png", block(2, 2, 4, 4));
  }
  text("set/sizes.csv",
       "filename,pixel size(mm),head circumference (mm)\r\n000_HC.png,0.0691358041432,44.3\r\n010_HC.png,0.12,168.0\r\n"
       "010_2HC.png,0.1313,172.5\r\n011_HC.png,,\r\n");
  auto options =
      of_set("training_set/{exam:[0-9]+}_{view:[0-9]*HC}.png", "training_set/{exam}_{view}_Annotation.png", "fetal head");
  options.spacing_table = "sizes.csv";
  options.spacing_mm = {"pixel size(mm)"};
  const ImagePairs data(options);
  EXPECT_TRUE(data.faults().empty()) << data.faults().front().text();
  ASSERT_EQ(data.item(1).id, "training_set/010_2HC");
  const std::array<double, 2> first = {0.0691358041432, 0.0691358041432}, second = {0.1313, 0.1313};
  EXPECT_EQ(data.load(0).spacing_mm, first);
  EXPECT_EQ(data.load(1).spacing_mm, second);
  EXPECT_THAT(data.files(), testing::Contains(folder_ / "set/sizes.csv"));
  // A spreadsheet's table: by path, with a mark at its beginning, quotes, semicolons, and two sizes.
  text("set/sizes.csv",
       "\xEF\xBB\xBF\"filename\"; \"down, \"\"mm\"\"\" ;across\n\ntraining_set/000_HC;0.5;0.25\n010_HC;1;1\n010_2HC ;1;\"2\"");
  options.spacing_mm = {"down, \"mm\"", "across"};
  const std::array<double, 2> both = {0.5, 0.25}, last = {1.0, 2.0};
  EXPECT_THAT(faults_of(options), "");
  EXPECT_EQ(load(options, 0).spacing_mm, both);
  EXPECT_EQ(load(options, 1).spacing_mm, last);
}

TEST_F(PairedFolders, PixelSizesThatAreMissingOrNone) {
  for (const std::string id : {"a", "b", "c", "d", "e"}) {
    image("set/images/" + id + ".png");
    png("set/masks/" + id + ".png", block(2, 2, 4, 4));
  }
  image("set/more/a.png");
  png("set/masks/more.png", block(2, 2, 4, 4));
  auto options = one("binary", "masks/{id}.png");
  options.images = {"images/{id}.png", "{id:more}/a.png"};
  options.spacing_table = "sizes.csv";
  options.spacing_mm = {"mm"};
  text("set/sizes.csv", "filename,mm\na.png,1\nb.png,-0.5\nc.png,nan\nd.png,2\nd.png,3\nother.png,x\n");
  EXPECT_THAT(
      faults_of(options),
      AllOf(HasSubstr("images without a row in the table of pixel sizes; got 1: images/e.png, expected column 'filename'"),
            HasSubstr("pixel sizes that are none; got 3: images/b.png ('-0.5' in line 3), images/c.png ('nan' in line 4), "
                      "images/d.png (another size in line 6)"),
            HasSubstr("fits two images; got 1: images/a.png and more/a.png")));
  options.expect = 3;  // with everything else that is wrong
  text("set/sizes.csv", "name\tsize\na.png\t1\n");
  EXPECT_THAT(faults_of(options),
              AllOf(HasSubstr("lacks columns; got name, size, expected filename, mm"), HasSubstr("another number of images")));
  text("set/sizes.csv", "");
  EXPECT_THAT(faults_of(options), HasSubstr("lacks columns; expected filename, mm"));
  options.spacing_table = "nowhere.csv";
  EXPECT_THAT(faults_of(options),
              AllOf(HasSubstr("nowhere.csv: the table of pixel sizes is not there"), HasSubstr("another number of images")));
  options.spacing_table = "sizes.csv";
  text("set/sizes.csv", "filename,mm\n\"a.png,1\n");
  EXPECT_THAT(refusal([&] { ImagePairs made(options); }),
              AllOf(HasSubstr("3 "), HasSubstr("sizes.csv:2: a quote that is not closed")));
  options.pixel_um = 3;
  EXPECT_THAT(refusal([&] { ImagePairs made(options); }), HasSubstr("2 dataset/paired_folders: two sizes of a pixel"));
  options.spacing_mm.clear();
  EXPECT_THAT(refusal([&] { ImagePairs made(options); }), HasSubstr("2 dataset/paired_folders: a table of pixel sizes needs"));
}

TEST_F(PairedFolders, FindsWhatIsWrongWithTheFiles) {
  for (const std::string id : {"a", "b", "C", "d", "D"}) image("set/images/" + id + ".png");
  for (const std::string id : {"a", "c", "x", "d", "D"}) png("set/masks/" + id + ".png", block(0, 0, 1, 1));
  image("set/more/a.png");
  auto options = one("binary", "masks/{id}.png");
  options.images = {"images/{id}.png", "more/{id}.png"};
  options.expect = 7;
  options.exclude = {"nobody"};
  EXPECT_THAT(faults_of(options),
              AllOf(HasSubstr("another number of images than the source has; got 6, expected 7"),
                    HasSubstr("images without a mask; got 2: images/C.png, images/b.png, expected masks/{id}.png"),
                    HasSubstr("'masks/c.png' differs in case alone"),
                    HasSubstr("masks without an image; got 2: masks/c.png, masks/x.png"),
                    HasSubstr("images with the same id; got 1: a (images/a.png and more/a.png)"),
                    HasSubstr("ids differ in case alone; got 1: D and d"),
                    HasSubstr("`exclude` names images that are not there; got 1: nobody")));
  options.images = {"images/{id}.png"};
  options.expect = 5;
  options.orphans = "allow";
  options.missing_mask = "empty";
  options.exclude = {"D"};
  const ImagePairs data(options);
  EXPECT_TRUE(data.faults().empty());
  EXPECT_EQ(data.size(), 4);
  EXPECT_TRUE(data.load(0).labels.empty());  // C
  EXPECT_TRUE(data.load(0).unsure.empty());
  options.missing_mask = "unsure";
  EXPECT_THAT(ImagePairs(options).load(0).unsure, ElementsAre("thing"));
  options.missing_mask = "skip";
  const ImagePairs skipping(options);
  EXPECT_EQ(skipping.size(), 2);
  EXPECT_EQ(skipping.skipped(), 2);
}

TEST_F(PairedFolders, OneLabelATemplateAndTwoFilesOfOneLabel) {
  auto options = one("binary", "left/{id}.png");
  png("set/left/a.png", block(0, 0, 2, 2));
  png("set/right/a.png", block(0, 8, 2, 2));
  png("set/heart/a.png", block(6, 6, 3, 3));
  options.masks = {"left/{id}.png", "right/{id}.png", "heart/{id}.png"};
  options.labels = {"lung", "lung", "heart"};
  const ImagePairs data(options);
  EXPECT_THAT(data.labels(), ElementsAre("lung", "heart"));
  const auto image = data.load(0);
  EXPECT_EQ(pixels(image, "lung"), 8);
  EXPECT_EQ(pixels(image, "heart"), 9);
}

TEST_F(PairedFolders, OptionsThatContradictEachOther) {
  const auto refuse = [&](auto change) {
    auto options = one("binary", "masks/{id}.png");
    change(options);
    return refusal([&] { ImagePairs made(options); });
  };
  EXPECT_THAT(refuse([](auto& o) { o.labels = {}; }), AllOf(HasSubstr("2 "), HasSubstr("either `labels` or `table`")));
  EXPECT_THAT(refuse([](auto& o) { o.labels = {}, o.table = "t.toml"; }), HasSubstr("this encoding has no table; got binary"));
  EXPECT_THAT(refuse([](auto& o) { o.mask.encoding = "values"; }), HasSubstr("this encoding needs a table"));
  EXPECT_THAT(refuse([](auto& o) { o.labels = {"a", "b"}; }), HasSubstr("got 2 and 1"));
  EXPECT_THAT(refuse([](auto& o) { o.images = {}; }), HasSubstr("no templates"));
  EXPECT_THAT(refuse([](auto& o) { o.images = {"{id:(}.png"}; }), HasSubstr("template '{id:(}.png'"));
  EXPECT_THAT(refuse([](auto& o) { o.subject = "{patient}"; }), HasSubstr("has a gap that the images' template has not"));
  EXPECT_THAT(refuse([](auto& o) { o.subsets = {"train"}; }), HasSubstr("an entry of `subsets`"));
  EXPECT_THAT(refuse([&](auto& o) { o.root = folder_ / "nowhere"; }),
              AllOf(HasSubstr("3 "), HasSubstr("nowhere: the folder cannot be read")));
}

}  // namespace
}  // namespace sam3lab::paired_folders_test
