// Learning from a teacher (scheme distill) and from the likeness of prompts and masks (loss grounding): values against formulas
// written out, gradients against differences, and both on backbone/sam3.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>

#include "plugins/backbones/sam3/model/model.h"
#include "plugins/losses/grounding/grounding_loss.h"
#include "plugins/schemes/distill/distill_scheme.h"
#include "plugins/schemes/distill/distill_terms.h"
#include "tests/plugins/sam3/formula.h"

namespace sam3lab::distill_grounding_test {
using namespace losses::grounding;
using namespace schemes::distill;
namespace {

using sam3::Sam3;
using testing::HasSubstr;

sam3::Sam3Options sized(const std::string& size) {
  sam3::Sam3Options options;
  options.size = size;
  options.dropout = options.drop_path = 0.0;
  options.recompute = "off";
  return options;
}

Batch two_images() {
  Batch batch;
  batch.images = formula::uniform("images", {2, 3, 112, 112}).to(at::kFloat);
  batch.texts = {"liver", "left lung", "spleen"};
  batch.image_index = at::tensor({1, 0, 0}, at::kLong);
  return batch;
}

// Gradient of a scalar function of one double tensor against central differences.
void check_gradient(const std::function<at::Tensor(const at::Tensor&)>& f, const at::Tensor& at_point) {
  const at::Tensor x = at_point.clone().requires_grad_(true);
  f(x).backward();
  const at::NoGradGuard no_grad;
  const at::Tensor flat = at_point.reshape({-1});
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const double step = 1e-6;
    at::Tensor up = flat.clone(), down = flat.clone();
    up[i] += step, down[i] -= step;
    const double slope = (f(up.view_as(at_point)) - f(down.view_as(at_point))).item<double>() / (2 * step);
    EXPECT_NEAR(x.grad().reshape({-1})[i].item<double>(), slope, 1e-6) << i;
  }
}

TEST(DistillTerms, VanishWhereStudentAndTeacherAgree) {
  const at::Tensor map = formula::uniform("map", {2, 6, 4, 4}).to(at::kFloat), logits = formula::uniform("l", {3, 5, 1}) * 4;
  EXPECT_NEAR(feature_term(map, map * 3 + 1, nullptr).item<double>(), 0.0, 1e-4);  // scale and offset of a feature do not count
  EXPECT_NEAR(logit_term(logits, logits, 2.0).item<double>(), 0.0, 1e-6);
  EXPECT_NEAR(score_term(logits, logits.flip({1})).item<double>(), 0.0, 1e-7);  // nor does the order of object queries
  EXPECT_GT(feature_term(map, map.flip({1}), nullptr).item<double>(), 0.1);
  EXPECT_GT(logit_term(logits, -logits, 2.0).item<double>(), 0.1);
}

TEST(DistillTerms, AreTheFormulas) {
  // T^2 KL of Bernoulli distributions.
  const double s = 0.7, t = -1.1, heat = 2.0;
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  const double p = sigmoid(t / heat), q = sigmoid(s / heat);
  const double divergence = heat * heat * (p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q)));
  EXPECT_NEAR(logit_term(at::tensor({s}), at::tensor({t}), heat).item<double>(), divergence, 1e-5);
  // Four scores against the highest two of three.
  const at::Tensor student = at::tensor({0.0, 2.0, -1.0, 1.0}).view({1, 4, 1}),
                   teacher = at::tensor({3.0, -2.0}).view({1, 2, 1});
  const double difference = std::pow(sigmoid(2) - sigmoid(3), 2) + std::pow(sigmoid(1) - sigmoid(-2), 2);
  EXPECT_NEAR(score_term(student, teacher).item<double>(), difference / 2, 1e-5);
  // A map twice as large is averaged; a projection turns two channels into three.
  const at::Tensor large = formula::uniform("large", {1, 3, 4, 4}).to(at::kFloat),
                   small = formula::uniform("small", {1, 2, 2, 2}).to(at::kFloat);
  const Projection projection{formula::uniform("w", {3, 2}).to(at::kFloat), at::zeros({3})};
  const at::Tensor own = at::matmul(small.permute({0, 2, 3, 1}), projection.weight.t());
  const at::Tensor told = large.view({1, 3, 2, 2, 2, 2}).mean({3, 5}).permute({0, 2, 3, 1});
  const auto unit = [](const at::Tensor& x) {
    const at::Tensor centred = x - x.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + 1e-5).sqrt();
  };
  EXPECT_NEAR(feature_term(small, large, &projection).item<double>(), (unit(own) - unit(told)).square().mean().item<double>(),
              1e-4);
}

TEST(DistillTerms, RefuseWhatIsNotThere) {
  Outputs outputs;
  outputs.extras["maps"] = at::zeros({1});
  try {
    (void)feature_of(outputs, "map");
    FAIL() << "was found";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("maps"));
  }
  EXPECT_THROW((void)feature_term(at::zeros({2, 3}), at::zeros({4, 3}), nullptr), UsageError);
}

// A scheme input whose teacher is a Sam3 of the asked size.
SchemeInput with_teacher(std::shared_ptr<Backbone>& made, OptionValues& asked) {
  SchemeInput input{1e-3, 0.1, 3, {}};
  input.make_backbone = [&made, &asked](const OptionValues& options, const std::string&) -> std::shared_ptr<Backbone> {
    asked = options;
    auto chosen = sized(std::get<std::string>(options.at("size")));
    if (options.contains("img_size")) chosen.sizes.img_size = std::get<std::int64_t>(options.at("img_size"));
    auto teacher = std::make_shared<Sam3>(chosen);
    teacher->initialise(11);
    return made = teacher;
  };
  return input;
}

TEST(Distill, AStudentOfAnotherWidthGetsCloserToItsTeacher) {
  std::shared_ptr<Backbone> teacher;
  OptionValues asked;
  Sam3 student(sized("tiny"));
  student.initialise(5);
  DistillOptions options;
  options.teacher_size = "small";
  options.teacher_image_size = 140;
  const DistillScheme scheme(options);
  const auto trainable = scheme.prepare(student, with_teacher(teacher, asked));
  EXPECT_EQ(std::get<std::int64_t>(asked.at("img_size")), 140);
  ASSERT_EQ(trainable.groups.back().name, "distill.projection");
  EXPECT_EQ(trainable.groups.back().parameters.size(), 4U);  // 32 wide against 64: both features
  EXPECT_TRUE(trainable.added.empty());                      // the student is saved whole, without projections
  for (const auto& [name, tensor] : teacher->parameters()) EXPECT_FALSE(tensor.requires_grad()) << name;

  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (const auto& group : trainable.groups) {
    std::vector<at::Tensor> tensors;
    for (const auto& [name, tensor] : group.parameters) tensors.push_back(tensor);
    groups.emplace_back(tensors);
  }
  torch::optim::AdamW optimiser(groups, torch::optim::AdamWOptions(1e-3));
  const Batch batch = two_images();
  std::vector<double> losses;
  for (int step = 0; step < 6; ++step) {
    student.train(true);
    at::Tensor sum = at::zeros({});
    const auto terms = trainable.terms(batch, student.forward(batch));
    ASSERT_EQ(terms.size(), 4U);
    for (const auto& term : terms) sum = sum + term.value * term.weight;
    losses.push_back(sum.item<double>());
    optimiser.zero_grad();
    sum.backward();
    for (const auto& [name, tensor] : trainable.groups.back().parameters) EXPECT_TRUE(tensor.grad().defined()) << name;
    optimiser.step();
  }
  EXPECT_LT(losses.back(), 0.95 * losses.front());
}

TEST(Distill, EqualWidthsNeedNoProjectionAndTwoStudentsHaveOneTeacher) {
  std::shared_ptr<Backbone> teacher;
  OptionValues asked;
  Sam3 first(sized("tiny")), second(sized("tiny"));
  DistillOptions options;
  options.teacher_size = "tiny";
  const DistillScheme scheme(options);
  const auto input = with_teacher(teacher, asked);
  const auto trainable = scheme.prepare(first, input);
  const auto* made = teacher.get();
  EXPECT_FALSE(asked.contains("img_size"));
  (void)scheme.prepare(second, input);
  EXPECT_EQ(teacher.get(), made);
  for (const auto& group : trainable.groups) EXPECT_NE(group.name, "distill.projection");
  // The teacher's twin has nothing to learn from it.
  first.initialise(11);
  first.train(false);
  for (const auto& term : trainable.terms(two_images(), first.forward(two_images())))
    EXPECT_NEAR(term.value.item<double>(), 0.0, 1e-5) << term.name;
  // Where no model may be built, the groups can be had all the same.
  const auto planned = DistillScheme(options).prepare(second, {1e-3, 0.1, 0, {}});
  EXPECT_EQ(planned.groups.size(), trainable.groups.size());
  EXPECT_FALSE(planned.terms);
}

at::Tensor unit_rows(const std::string& name, std::int64_t rows) {
  const at::Tensor x = formula::uniform(name, {rows, 4});
  return x / x.norm(2, -1, true);
}

GroundingPairs pairs_of(const at::Tensor& texts, const at::Tensor& inside) {
  GroundingPairs pairs;
  pairs.texts = texts;
  pairs.inside = inside;
  pairs.outside = unit_rows("outside", 3);
  pairs.present = at::tensor({1, 1, 0}, at::kLong).to(at::kBool);  // the third prompt is absent: a negative text, no mask
  pairs.negative = at::tensor({0, 1, 1, 1, 0, 1, 1, 1, 0}, at::kLong).view({3, 3}).to(at::kBool);
  pairs.has_outside = at::tensor({1, 0, 1}, at::kLong).to(at::kBool);
  return pairs;
}

TEST(Grounding, IsTheFormula) {
  const double heat = 0.5;
  const auto pairs = pairs_of(unit_rows("texts", 3), unit_rows("inside", 3));
  const auto like = [&](const at::Tensor& a, std::int64_t i, const at::Tensor& b, std::int64_t j) {
    return std::exp((a[i] * b[j]).sum().item<double>() / heat);
  };
  const auto& t = pairs.texts;
  const auto& f = pairs.inside;
  const double of_text_0 = -std::log(like(t, 0, f, 0) / (like(t, 0, f, 0) + like(t, 0, f, 1) + like(t, 0, pairs.outside, 0)));
  const double of_text_1 = -std::log(like(t, 1, f, 1) / (like(t, 1, f, 1) + like(t, 1, f, 0)));
  const double of_mask_0 = -std::log(like(t, 0, f, 0) / (like(t, 0, f, 0) + like(t, 1, f, 0) + like(t, 2, f, 0)));
  const double of_mask_1 = -std::log(like(t, 1, f, 1) / (like(t, 0, f, 1) + like(t, 1, f, 1) + like(t, 2, f, 1)));
  EXPECT_NEAR(grounding_term(pairs, heat).item<double>(), (of_text_0 + of_text_1 + of_mask_0 + of_mask_1) / 4, 1e-9);
}

TEST(Grounding, GradientIsThatOfTheFormula) {
  const at::Tensor texts = unit_rows("texts", 3), inside = unit_rows("inside", 3);
  check_gradient([&](const at::Tensor& x) { return grounding_term(pairs_of(x, inside), 0.5); }, texts);
  check_gradient([&](const at::Tensor& x) { return grounding_term(pairs_of(texts, x), 0.5); }, inside);
}

// Q prompts over one map of two channels: the left half is (1, 0), the right half (0, 1).
struct Halves {
  explicit Halves(const at::Tensor& embeddings) {
    const std::int64_t q = embeddings.size(0);
    at::Tensor maps = at::zeros({q, 2, 4, 4});
    maps.select(1, 0).narrow(2, 0, 2).fill_(1.0);
    maps.select(1, 1).narrow(2, 2, 2).fill_(1.0);
    outputs.extras["pixel_features"] = maps.requires_grad_(true);
    outputs.extras["prompt_embedding"] = embeddings.clone().requires_grad_(true);
    outputs.extras["prompt_tokens"] = at::arange(q, at::kLong).unsqueeze(1);
    left = at::zeros({1, 8, 8}, at::kBool);
    left.narrow(2, 0, 4).fill_(true);
  }
  double value(const GroundingOptions& options = {}) {
    return GroundingLoss(options)
        .terms({predictions, none, targets, matches, 1.0, false, false, outputs})
        .front()
        .value.item<double>();
  }
  void set(const std::vector<at::Tensor>& masks, const std::vector<std::int64_t>& counts) {
    targets.masks = masks.empty() ? at::zeros({0, 8, 8}, at::kBool) : at::cat(masks);
    targets.num_boxes = at::tensor(counts, at::kLong);
  }
  Predictions predictions;
  at::Tensor none, left;
  Targets targets;
  Matches matches;
  Outputs outputs;
};

TEST(Grounding, PrefersEmbeddingsThatResembleTheirMask) {
  Halves right_way(at::tensor({1.0F, 0.0F, 0.0F, 1.0F}).view({2, 2})),
      wrong_way(at::tensor({0.0F, 1.0F, 1.0F, 0.0F}).view({2, 2}));
  for (auto* halves : {&right_way, &wrong_way}) halves->set({halves->left, halves->left.logical_not()}, {1, 1});
  EXPECT_LT(right_way.value(), 1e-4);
  EXPECT_GT(wrong_way.value(), 10.0);
  // One prompt alone is told from the background.
  Halves alone(at::tensor({0.0F, 1.0F}).view({1, 2}));
  alone.set({alone.left}, {1});
  EXPECT_GT(alone.value(), 5.0);
  GroundingOptions options;
  options.background = false;
  EXPECT_EQ(alone.value(options), 0.0);
}

TEST(Grounding, SameTextsAndNestedMasksAreNoNegatives) {
  GroundingOptions options;
  options.background = false;
  Halves halves(at::tensor({0.0F, 1.0F, 1.0F, 0.0F}).view({2, 2}));
  halves.set({halves.left, halves.left.logical_not()}, {1, 1});
  EXPECT_GT(halves.value(options), 10.0);
  halves.outputs.extras["prompt_tokens"].fill_(7);
  EXPECT_EQ(halves.value(options), 0.0);
  Halves nested(at::tensor({0.0F, 1.0F, 1.0F, 0.0F}).view({2, 2}));
  at::Tensor part = nested.left.clone();
  part.narrow(1, 0, 4).fill_(false);
  nested.set({nested.left, part}, {1, 1});
  EXPECT_EQ(nested.value(options), 0.0);
  options.overlap = 1.0;
  EXPECT_GT(nested.value(options), 0.1);
}

TEST(Grounding, WithoutTargetsIsZeroAndWithoutFeaturesIsRefused) {
  Halves halves(at::tensor({1.0F, 0.0F}).view({1, 2}));
  halves.set({}, {0});
  EXPECT_EQ(halves.value(), 0.0);
  halves.outputs.extras.erase("pixel_features");
  EXPECT_THROW((void)halves.value(), UsageError);
}

TEST(Grounding, ReachesTextAndImageEncoderOfSam3) {
  Sam3 model(sized("tiny"));
  model.initialise(2);
  model.train(true);
  Targets targets;
  at::Tensor masks = at::zeros({2, 112, 112}, at::kBool);
  masks[0].narrow(0, 0, 50).fill_(true);
  masks[1].narrow(0, 60, 40).fill_(true);
  targets.masks = masks;
  targets.num_boxes = at::tensor({1, 1, 0}, at::kLong);
  const Outputs outputs = model.forward(two_images());
  const at::Tensor none;
  const Matches matches;
  const auto terms =
      GroundingLoss(GroundingOptions{}).terms({outputs.last.one_to_one, none, targets, matches, 2.0, false, false, outputs});
  EXPECT_EQ(terms.front().name, "loss_grounding");
  terms.front().value.backward();
  for (const auto& [name, tensor] : model.parameters()) {
    const bool reached = name.ends_with("trunk.blocks.0.attn.qkv.weight") || name.ends_with("resizer.weight");
    EXPECT_TRUE(!reached || tensor.grad().abs().max().item<double>() > 0.0) << name;
    EXPECT_FALSE(name.starts_with("transformer.") && tensor.grad().defined()) << name;
  }
}

}  // namespace
}  // namespace sam3lab::distill_grounding_test
