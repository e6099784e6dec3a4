#include <algorithm>
#include <bit>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/random.h>

#include "core/verify/duplicates.h"
#include "core/verify/near.h"
#include "core/verify/pairing.h"
#include "core/verify/scan.h"
#include "core/verify/texts.h"

namespace sam3lab::verify_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// A soft, uneven image with one bright blob; the same for one seed. Mask: the blob.
LabelledImage blob_image(std::uint64_t seed, std::int64_t side = 96) {
  Random random(seed, "picture");
  auto grey = at::zeros({side, side});
  const auto y = at::arange(side, at::kFloat).unsqueeze(1) / side, x = at::arange(side, at::kFloat).unsqueeze(0) / side;
  for (int wave = 0; wave < 12; ++wave) {
    const auto angle = 6.28 * random.uniform(), turns = 2 + 10 * random.uniform();
    grey += 7 * at::sin(6.28 * turns * (std::cos(angle) * x + std::sin(angle) * y) + 6.28 * random.uniform());
  }
  const auto cx = 0.2 + 0.6 * random.uniform(), cy = 0.2 + 0.6 * random.uniform(), radius = 0.08 + 0.1 * random.uniform();
  const auto blob = ((x - cx).square() + (y - cy).square()).lt(radius * radius);
  grey = (grey + 90 + 70 * blob.to(at::kFloat)).clamp(0, 255);
  LabelledImage image;
  image.image = grey.to(at::kByte).unsqueeze(2).repeat({1, 1, 3});
  image.labels = {{"blob", blob.unsqueeze(0)}};
  return image;
}

class Images final : public Dataset {
 public:
  explicit Images(std::string name) : name_(std::move(name)) {}
  void add(LabelledImage image, std::string subject) {
    images_.push_back(std::move(image));
    subjects_.push_back(std::move(subject));
  }
  LabelledImage& image(std::size_t i) { return images_.at(i); }
  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(images_.size()); }
  [[nodiscard]] Item item(std::int64_t i) const override {
    return {name_ + "/" + std::to_string(i), subjects_.at(static_cast<std::size_t>(i)), 0, 1, "", ""};
  }
  [[nodiscard]] LabelledImage load(std::int64_t i) const override {
    if (!images_.at(static_cast<std::size_t>(i)).image.defined())
      throw DataError(Fault{name_ + std::to_string(i) + ".png", "no picture", "", "", ""});
    return images_.at(static_cast<std::size_t>(i));
  }
  [[nodiscard]] std::vector<std::string> labels() const override { return names; }
  [[nodiscard]] std::vector<std::string> files() const override { return {}; }
  [[nodiscard]] double gap() const override { return 0; }
  std::vector<std::string> names = {"blob"};

 private:
  std::string name_;
  std::vector<LabelledImage> images_;
  std::vector<std::string> subjects_;
};

// Images of the seeds first .. first + count - 1, each of a subject of its own; the first fifth is held out.
VerifiedDataset verified(const std::string& name, std::uint64_t first, int count) {
  auto data = std::make_shared<Images>(name);
  VerifiedDataset dataset{name, {}, "", data, data->names, {{"blob", "bright blob"}}, {}};
  for (int i = 0; i < count; ++i) {
    data->add(blob_image(first + static_cast<std::uint64_t>(i)), name + std::to_string(i));
    (i < count / 5 ? dataset.split.held_out : dataset.split.train).push_back(i);
  }
  return dataset;
}

Images& images_in(VerifiedDataset& dataset) { return static_cast<Images&>(*dataset.data); }

std::vector<std::string> checks(const std::vector<Finding>& findings) {
  std::vector<std::string> names;
  for (const auto& finding : findings) names.push_back(finding.check);
  return names;
}

TEST(Near, FindsWhatComparingAllWithAllFinds) {
  Random random(1, "near");
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 400; ++i) {
    values.push_back(random.next());
    auto close = values.back();
    for (std::uint64_t bit = 0; bit < 1 + random.below(9); ++bit) close ^= std::uint64_t{1} << random.below(64);
    if (close != values.back()) values.push_back(close);
  }
  std::vector<std::pair<std::uint32_t, std::uint32_t>> expected;
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    for (std::uint32_t j = i + 1; j < values.size(); ++j) {
      if (std::popcount(values[i] ^ values[j]) <= near_bits) expected.emplace_back(i, j);
    }
  }
  EXPECT_GT(expected.size(), 100U);
  EXPECT_EQ(near_pairs(values, 1000), expected);
  EXPECT_EQ(near_pairs(values, 10), decltype(expected)(expected.begin(), expected.begin() + 10));
}

TEST(Fingerprint, KnowsAnImageAgainAndNoOther) {
  int bits_of_others = 64;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto image = blob_image(seed).image;
    EXPECT_EQ(pixel_digest(image), pixel_digest(image.clone()));
    auto touched = image.clone();
    touched[5][5][0] = touched[5][5][0].item<int>() ^ 1;
    EXPECT_NE(pixel_digest(image), pixel_digest(touched));
    const auto noisy = (image.to(at::kFloat) * 0.9 + 8 + 3 * at::randn(image.sizes())).clamp(0, 255).to(at::kByte);
    const auto larger = blob_image(seed, 160).image;
    for (const auto& changed : {noisy, larger}) {
      EXPECT_LE(std::popcount(perceptual_hash_of(image)[0] ^ perceptual_hash_of(changed)[0]), near_bits) << seed;
      EXPECT_TRUE(same_image(grey_thumbnail(image, 64), grey_thumbnail(changed, 64))) << seed;
    }
    const auto other = blob_image(seed + 100).image;
    bits_of_others = std::min(bits_of_others, std::popcount(perceptual_hash_of(image)[0] ^ perceptual_hash_of(other)[0]));
    EXPECT_FALSE(same_image(grey_thumbnail(image, 64), grey_thumbnail(other, 64)));
  }
  EXPECT_GT(bits_of_others, 2 * near_bits);
}

TEST(Fingerprint, TurnsAreNamedAndFoundFromOneTransform) {
  const auto image = blob_image(1).image;
  EXPECT_TRUE(at::equal(reoriented(image, 0), image));
  EXPECT_TRUE(at::equal(reoriented(image, 1), image.flip(1)));
  EXPECT_TRUE(at::equal(reoriented(image, 2), image.flip(0)));
  EXPECT_TRUE(at::equal(reoriented(image, 3), at::rot90(image, 2)));
  EXPECT_TRUE(at::equal(reoriented(image, 4), image.transpose(0, 1)));
  EXPECT_TRUE(at::equal(reoriented(image, 5), at::rot90(image, -1)));
  EXPECT_TRUE(at::equal(reoriented(image, 6), at::rot90(image, 1)));
  EXPECT_TRUE(at::equal(reoriented(image, 7), at::rot90(image, 2).transpose(0, 1)));
  for (int orientation = 0; orientation < orientations; ++orientation) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto one = blob_image(seed).image, other = reoriented(one, orientation).contiguous();
      const auto looks = perceptual_hash_of(one);
      EXPECT_LE(std::popcount(looks[static_cast<std::size_t>(orientation)] ^ perceptual_hash_of(other)[0]), 1)
          << name_of_orientation(orientation);
      if (orientation == 0) continue;
      EXPECT_GT(std::popcount(looks[static_cast<std::size_t>(orientation)] ^ looks[0]), 2 * near_bits)
          << name_of_orientation(orientation);
      EXPECT_FALSE(same_image(grey_thumbnail(one, 64), grey_thumbnail(other, 64))) << name_of_orientation(orientation);
    }
  }
}

TEST(Scan, CountsTheSameWithAnyNumberOfThreads) {
  auto dataset = verified("a", 0, 50);
  images_in(dataset).image(3).labels.clear();
  images_in(dataset).image(7).image = at::Tensor();
  images_in(dataset).image(9).image.fill_(17);
  images_in(dataset).image(11).labels[0].masks = at::ones({1, 5, 5}, at::kBool);
  images_in(dataset).image(12).labels[0].masks.zero_();
  const std::vector<VerifiedDataset> all = {dataset, verified("b", 100, 20)};
  const auto one = scan_images(all, {1, 0, {}});
  const auto& a = one.datasets[0];
  EXPECT_EQ(a.items, 50);
  EXPECT_EQ(a.read, 47);
  EXPECT_EQ(a.empty, 1);
  EXPECT_EQ(a.flat, 1);
  EXPECT_EQ(a.labels.at("blob").images[static_cast<std::size_t>(Side::train)], 38);
  EXPECT_EQ(a.labels.at("blob").on_background, 0);
  EXPECT_THAT(a.failures.at("unreadable").examples, ElementsAre(HasSubstr("a7.png: no picture")));
  EXPECT_THAT(a.failures.at("size").examples, ElementsAre(HasSubstr("a/11: masks of 'blob' of another size")));
  EXPECT_THAT(a.failures.at("contract").examples, ElementsAre(HasSubstr("a/12: an empty mask")));
  EXPECT_EQ(one.prints.size(), 67U);
  const auto three = scan_images(all, {3, 0, {}});
  ASSERT_EQ(three.prints.size(), one.prints.size());
  for (std::size_t i = 0; i < one.prints.size(); ++i) EXPECT_EQ(three.prints[i].digest, one.prints[i].digest);
  EXPECT_EQ(three.datasets[0].grey, a.grey);
  EXPECT_EQ(three.datasets[0].failures.at("size").examples, a.failures.at("size").examples);
  EXPECT_EQ(scan_images(all, {2, 5, {}}).prints.size(), 10U);
}

TEST(Scan, SeesMasksOnEmptyBackground) {
  auto data = std::make_shared<Images>("a");
  VerifiedDataset dataset{"a", {}, "", data, data->names, {}, {}};
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    auto image = blob_image(seed);
    image.image.narrow(1, 0, 48).zero_();
    image.labels[0].masks.zero_();
    image.labels[0].masks.narrow(1, 10, 20).narrow(2, seed < 4 ? 10 : 70, 20).fill_(true);
    data->add(image, std::to_string(seed));
  }
  EXPECT_EQ(scan_images({dataset}, {1, 0, {}}).datasets[0].labels.at("blob").on_background, 4);
}

TEST(Duplicates, ToldByHowTheyFalsify) {
  auto a = verified("a", 0, 20), b = verified("b", 100, 20);
  images_in(a).image(10) = blob_image(1);       // trained on, and a/1 is held out
  images_in(a).image(15) = blob_image(14);      // both trained on
  images_in(b).image(2) = blob_image(12, 140);  // held out, the same image as a/12, larger
  const std::vector<VerifiedDataset> all = {a, b};
  const auto found = find_duplicates(all, scan_images(all, {1, 0, {}}).prints);
  ASSERT_THAT(checks(found.findings), testing::UnorderedElementsAre("duplicate", "duplicate_leak", "near_duplicate_leak"));
  for (const auto& finding : found.findings) {
    EXPECT_EQ(finding.count, 1) << finding.check;
    EXPECT_EQ(finding.severity, finding.check == "duplicate" ? Severity::warning : Severity::error);
    if (finding.check == "near_duplicate_leak") {
      EXPECT_THAT(finding.datasets, ElementsAre("a", "b"));
      EXPECT_THAT(finding.examples.front(), HasSubstr("a: a/12 (train)"));
    }
  }
  EXPECT_EQ(found.leaks.size(), 2U);
}

at::Tensor noisy(const at::Tensor& image) {
  at::manual_seed(3);
  return (image.to(at::kFloat) * 0.9 + 8 + 2 * at::randn(image.sizes())).clamp(0, 255).to(at::kByte);
}

TEST(Duplicates, TurnedOrMirrored) {
  auto a = verified("a", 0, 40), b = verified("b", 100, 10);
  for (int orientation = 1; orientation < orientations;
       ++orientation) {  // a/21 to a/27 train, of a/1 to a/7, which are held out
    const auto of = static_cast<std::size_t>(orientation);
    images_in(a).image(20 + of).image = noisy(reoriented(images_in(a).image(of).image, orientation)).contiguous();
    images_in(a).image(20 + of).labels.clear();
  }
  auto large = blob_image(30, 150);  // a/30, trained on, and b/5, too
  images_in(b).image(5).image = reoriented(large.image, 5).contiguous();
  images_in(b).image(5).labels.clear();
  const std::vector<VerifiedDataset> all = {a, b};
  const auto found = find_duplicates(all, scan_images(all, {1, 0, {}}).prints);
  ASSERT_THAT(checks(found.findings), testing::UnorderedElementsAre("rotated_duplicate", "rotated_duplicate_leak"));
  for (const auto& finding : found.findings) {
    const bool leak = finding.check == "rotated_duplicate_leak";
    EXPECT_EQ(finding.severity, leak ? Severity::error : Severity::warning);
    EXPECT_THAT(finding.text, HasSubstr("the same image, rotated or flipped, in two images"));
    EXPECT_EQ(finding.count, leak ? 7 : 1);
    std::string examples;
    for (const auto& example : finding.examples) examples += example + "\n";
    if (!leak) {
      EXPECT_THAT(examples, AllOf(HasSubstr("a: a/30 (train)"), HasSubstr("b: b/5 (train)"), HasSubstr("by 90 degrees")));
    }
    for (int orientation = 1; leak && orientation < orientations; ++orientation) {
      // A quarter turn is reported from the side that needs one.
      const auto* said = name_of_orientation(orientation == 6 ? 5 : orientation);
      EXPECT_THAT(finding.examples, testing::Contains(AllOf(HasSubstr("a/" + std::to_string(orientation) + " (held_out)"),
                                                            HasSubstr("a/2" + std::to_string(orientation) + " (train)"),
                                                            testing::EndsWith(std::string(", ") + said))));
    }
  }
  ASSERT_EQ(found.leaks.size(), 7U);
  for (const auto& pair : found.leaks) {
    EXPECT_TRUE(same_image(reoriented(grey_thumbnail(all[0].data->load(pair.a.item).image, 64), pair.orientation),
                           grey_thumbnail(all[0].data->load(pair.b.item).image, 64)));
  }
}

// Symmetric images look alike when flipped, images of noise have no look of their own: neither makes a duplicate.
TEST(Duplicates, SymmetricOrNearlyUniformImagesAreNoRotatedDuplicates) {
  auto data = std::make_shared<Images>("a");
  VerifiedDataset dataset{"a", {}, "", data, data->names, {}, {}};
  const auto add = [&](const at::Tensor& image) {
    LabelledImage one;
    one.image = image.to(at::kByte).contiguous();
    data->add(one, std::to_string(data->size()));
  };
  at::manual_seed(5);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto image = blob_image(seed).image.to(at::kFloat);
    add((image + image.flip(1)) / 2);
    add((image + image.flip(0) + image.flip(1) + at::rot90(image, 2)) / 4);
    add(at::randint(100, 104, {96, 96, 1}).expand({96, 96, 3}));  // nearly uniform
    add(at::randint(0, 2, {96, 96, 1}).expand({96, 96, 3}) * 4);
  }
  const std::vector<VerifiedDataset> all = {dataset};
  EXPECT_THAT(find_duplicates(all, scan_images(all, {2, 0, {}}).prints).findings, testing::IsEmpty());
  // A copy of one that is nearly symmetric is found once, as it is.
  const auto image = blob_image(200).image.to(at::kFloat), nearly = 0.6 * image + 0.4 * image.flip(1);
  add(nearly);
  add(0.9 * nearly + 8);
  const auto found = find_duplicates(all, scan_images(all, {2, 0, {}}).prints).findings;
  ASSERT_THAT(checks(found), ElementsAre("near_duplicate"));
  EXPECT_EQ(found[0].count, 1);
}

TEST(Duplicates, OfOneSubjectOrWithoutContentAreNone) {
  auto data = std::make_shared<Images>("a");
  VerifiedDataset dataset{"a", {}, "", data, data->names, {}, {}};
  for (int i = 0; i < 8; ++i) {
    auto image = blob_image(i < 4 ? 1U : 2U);
    if (i >= 6) image.image.fill_(0);
    data->add(image, i < 4 ? "one" : i < 6 ? "two" : std::to_string(i));
  }
  const std::vector<VerifiedDataset> all = {dataset};
  EXPECT_THAT(find_duplicates(all, scan_images(all, {1, 0, {}}).prints).findings, testing::IsEmpty());
}

TEST(Duplicates, TwoDatasetsThatAreOne) {
  const std::vector<VerifiedDataset> replicas = {verified("a", 0, 10), verified("b", 0, 10), verified("c", 50, 10)};
  const auto found = find_duplicates(replicas, scan_images(replicas, {1, 0, {}}).prints).findings;
  const auto same = std::find_if(found.begin(), found.end(), [](const auto& f) { return f.check == "same_dataset"; });
  ASSERT_NE(same, found.end());
  EXPECT_THAT(same->datasets, ElementsAre("a", "b"));
  EXPECT_EQ(same->severity, Severity::error);
  EXPECT_EQ(std::count_if(found.begin(), found.end(), [](const auto& f) { return f.check == "same_dataset"; }), 1);
}

TEST(Pairing, TellsShuffledMasksFromTrueOnes) {
  std::vector<VerifiedDataset> all = {verified("true", 0, 40), verified("shuffled", 200, 40), verified("few", 300, 5)};
  auto& shuffled = images_in(all[1]);
  const auto first = shuffled.image(0).labels;
  for (std::size_t i = 0; i < 39; ++i) shuffled.image(i).labels = shuffled.image(i + 1).labels;
  shuffled.image(39).labels = first;
  std::vector<double> shares;
  const auto findings = check_pairing(all, shares);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].datasets, ElementsAre("shuffled"));
  EXPECT_GT(shares[0], 0.9);
  EXPECT_LT(shares[1], 0.7);
  EXPECT_LT(shares[2], 0);
}

TEST(Texts, ConflictsOfLabelsAndPublishedPrompts) {
  auto thyroid = verified("tg3k", 0, 1), vessel = verified("coph100", 1, 1), nuclei = verified("nuclei", 2, 1);
  images_in(thyroid).names = thyroid.source_labels = {"thyroid gland"};
  thyroid.texts = {{"thyroid gland", "thyroid gland"}};
  thyroid.common.published_prompt = "thyroid nodule";
  images_in(vessel).names = vessel.source_labels = {"vein", "artery", "background"};
  vessel.texts = {{"vein", "retinal vessel"}, {"artery", "Retinal vessels"}};
  nuclei.texts = {{"cell", "retinal vessel"}};
  images_in(nuclei).names = nuclei.source_labels = {"cell"};
  nuclei.common.published_prompt = "Cells";
  const auto found = check_texts({thyroid, vessel, nuclei}, true);
  std::vector<std::string> seen;
  for (const auto& finding : found)
    seen.push_back(finding.check + " " + finding.datasets.back() + " " + name_of(finding.severity));
  EXPECT_THAT(seen, testing::UnorderedElementsAre("published_prompt tg3k warning", "no_term coph100 error",
                                                  "prompt_conflict coph100 error", "prompt_conflict nuclei warning"));
  thyroid.common.prompt = "published";
  EXPECT_EQ(check_texts({thyroid}, false).front().severity, Severity::error);
}

TEST(Texts, WordsThatMayMeanALabel) {
  for (const auto& [prompt, label] :
       std::vector<std::pair<std::string, std::string>>{{"Polyp", "colorectal polyp"},
                                                        {"optic disc and cup", "optic cup"},
                                                        {"optic disc and cup", "optic disc"},
                                                        {"Retinal Blood Vessel", "retinal vessels"},
                                                        {"coronary artery segment", "coronary artery"},
                                                        {"cell nuclei", "nucleus"}}) {
    EXPECT_TRUE(may_mean(prompt, label)) << prompt << ", " << label;
  }
  for (const auto& [prompt, label] : std::vector<std::pair<std::string, std::string>>{
           {"thyroid nodule", "thyroid gland"}, {"Optic Disc", "retinal vessel"}, {"lung", "rib"}, {"", "lung"}}) {
    EXPECT_FALSE(may_mean(prompt, label)) << prompt << ", " << label;
  }
}

}  // namespace
}  // namespace sam3lab::verify_test
