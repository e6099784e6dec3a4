#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>

#include "plugins/prompts/canonical/canonical_prompt.h"
#include "plugins/prompts/negative/absent.h"
#include "tests/support/make_files.h"

namespace sam3lab::prompt_test {
using namespace prompts::canonical;
using namespace prompts::negative;
namespace {

using test::TempFolder;
using testing::HasSubstr;

class CanonicalTest : public testing::Test {
 protected:
  // What reading a dictionary of this text complains of.
  std::string refuse(const std::string& text) const {
    test::write_text(folder_ / "d.toml", text);
    try {
      TermDictionary::read(folder_ / "d.toml");
    } catch (const UsageError& error) {
      return error.what();
    }
    return {};
  }

  CanonicalTest() {
    test::write_text(folder_ / "d.toml",
                     "\"lungs\" = { text = \"lung\", synonyms = [\"pulmonary tissue\"] }\n\"rib\" = { text = \"rib\" "
                     "}\n[spine]\ntext = \"spine\"\n");
    options_.dictionary = folder_ / "d.toml";
    for (const auto* label : {"lungs", "rib", "spine"}) input_.present.push_back({label, label, "ct"});
  }
  TempFolder folder_;
  CanonicalOptions options_;
  PromptInput input_;
};

TEST_F(CanonicalTest, AsksForWhatIsPresent) {
  const CanonicalPrompt prompt(options_);
  EXPECT_EQ(prompt.text("lungs"), "lung");
  EXPECT_EQ(prompt.text("heart"), "");
  input_.present.push_back({"heart", "", "ct"});
  Random random(1);
  const auto queries = prompt.queries(input_, random);
  ASSERT_EQ(queries.size(), 3U);
  EXPECT_EQ(queries[0].text, "lung");
  EXPECT_TRUE(queries[0].present);
  EXPECT_EQ(queries[2].label, "spine");
}

TEST_F(CanonicalTest, DrawsPromptsAndSynonymsInTrainingOnly) {
  options_.per_image = 1;
  options_.synonym_probability = 0.5;
  const CanonicalPrompt prompt(options_);
  Random random(1);
  EXPECT_EQ(prompt.queries(input_, random).size(), 3U);
  input_.training = true;
  std::set<std::string> texts;
  for (int i = 0; i < 100; ++i) {
    const auto queries = prompt.queries(input_, random);
    ASSERT_EQ(queries.size(), 1U);
    texts.insert(queries[0].text);
  }
  EXPECT_EQ(texts, (std::set<std::string>{"lung", "pulmonary tissue", "rib", "spine"}));
}

TEST_F(CanonicalTest, ReadsStrictly) {
  EXPECT_THAT(refuse("lung = { text = \"a\", txt = \"b\" }\nrib = { synonyms = [\"c\"] }\nspine = \"d\"\n"),
              AllOf(HasSubstr("d.toml:1"), HasSubstr("'txt'"), HasSubstr("'rib' has no text"), HasSubstr("d.toml:3")));
  EXPECT_THAT(refuse("lung = { text = \" \" }"), HasSubstr("is no text"));
  EXPECT_THAT(refuse("lung = { text = 3 }"), HasSubstr("is no text"));
  EXPECT_THAT(refuse("lung = \n"), HasSubstr("d.toml:1"));
  EXPECT_THAT(refuse(""), HasSubstr("empty"));
  // What the TOML library does not survive.
  std::string deep = "\na";
  for (int i = 0; i < 100'000; ++i) deep += ".a";
  EXPECT_THAT(refuse(deep + " = 1"), AllOf(HasSubstr("d.toml:2"), HasSubstr("dots")));
  EXPECT_THAT(refuse("lung = 1 \u3000\n"), HasSubstr("outside ASCII"));
  EXPECT_THAT(refuse("# \u3000\nlung = { text = \"\u00e9 \\\" # \" } \u0142"),
              AllOf(HasSubstr("d.toml:2"), HasSubstr("outside ASCII")));
  EXPECT_THAT(refuse("lung = { text = \"\"\"a\nb\"\"\" }"), HasSubstr("several lines"));
  EXPECT_THAT(refuse(std::string(2'000'000, '#')), HasSubstr("1 MiB"));
  EXPECT_EQ(refuse("# \u3000\n\"\u0142\" = { text = '\u00e9 # ' } # \u0142"), "");
}

TEST_F(CanonicalTest, LabelsOfManyDatasetsShareATerm) {
  test::write_text(
      folder_ / "d.toml",
      "[\"optic disc\"]\ntext = \"optic disc\"\nsynonyms = [\"optic nerve head\"]\nattributes = [\"bright\"]\n"
      "parent = \"retina\"\nmodalities = [\"fundus\"]\ncodes = { UBERON = \"0001783\" }\nlabels = [\"disc\", \"OD\"]\n"
      "[retina]\ntext = \"retina\"\nparent = \"eye\"\n[eye]\ntext = \"eye\"\n");
  const auto terms = TermDictionary::read(folder_ / "d.toml");
  ASSERT_NE(terms.of_label("OD"), nullptr);
  EXPECT_EQ(terms.of_label("OD")->name, "optic disc");
  EXPECT_EQ(terms.of_label("optic disc"), nullptr) << "a term with `labels` serves these alone";
  EXPECT_EQ(terms.of_label("OD")->codes.at("UBERON"), "0001783");
  const auto line = terms.ancestors(*terms.of_label("OD"));
  ASSERT_EQ(line.size(), 2U);
  EXPECT_EQ(line[1]->name, "eye");
  ASSERT_EQ(terms.children(*terms.named("eye")).size(), 1U);

  options_.attribute_probability = 1.0;
  options_.synonym_probability = 1.0;
  const CanonicalPrompt prompt(options_);
  input_.present = {{"OD", "optic disc", "fundus"}, {"eye", "eye", "fundus"}};
  Random random(1);
  EXPECT_EQ(prompt.queries(input_, random)[0].text, "optic disc");
  input_.training = true;
  const auto queries = prompt.queries(input_, random);
  EXPECT_EQ(queries[0].text, "bright optic nerve head");
  EXPECT_EQ(queries[1].text, "eye");
}

TEST_F(CanonicalTest, RefusesContradictions) {
  EXPECT_THAT(refuse("a = { text = \"a\" }\nb = { text = \"b\", labels = [\"a\"] }"),
              AllOf(HasSubstr("'a' belongs to two terms"), HasSubstr("a and b")));
  EXPECT_THAT(refuse("a = { text = \"a\", parent = \"b\" }"), HasSubstr("parent of 'a' is no term"));
  EXPECT_THAT(
      refuse(
          "a = { text = \"a\", parent = \"b\" }\nb = { text = \"b\", parent = \"a\" }\nc = { text = \"c\", parent = \"a\" }"),
      AllOf(HasSubstr("'a' is its own ancestor"), HasSubstr("'b' is its own ancestor"), Not(HasSubstr("'c' is"))));
  EXPECT_THAT(refuse("a = { text = \"a\", codes = { UBERON = \"12\" } }"), HasSubstr("'12' is no code of UBERON"));
  EXPECT_THAT(refuse("a = { text = \"a\", codes = { RadLex = \"1234\" } }"), HasSubstr("no code of RadLex"));
  EXPECT_THAT(refuse("a = { text = \"a\", codes = { ICD = \"1234\" } }"), HasSubstr("no known ontology"));
  EXPECT_THAT(refuse("a = { text = \"a\", synonyms = \"b\" }"), HasSubstr("is no list"));
}

TEST(Negative, AsksForAbsentConceptsOnly) {
  PromptInput input;
  input.present = {{"lungs", "lung", "ct"}};
  input.absent = {{"rib", "rib", "ct"}, {"", "lung", "x-ray"}, {"", "cerebellum", "mri"}, {"", "cell nucleus", "fluorescence"}};
  NegativeOptions options;
  options.per_image = 9;
  Random random(1);
  std::set<std::string> texts;
  for (const auto& query : NegativePrompt(options).queries(input, random)) {
    EXPECT_FALSE(query.present);
    texts.insert(query.text);
  }
  EXPECT_EQ(texts, (std::set<std::string>{"rib", "cerebellum", "cell nucleus"}));
  options.from = "same_dataset";
  const auto same = NegativePrompt(options).queries(input, random);
  ASSERT_EQ(same.size(), 1U);
  EXPECT_EQ(same[0].label, "rib");
  options.in_training = false;
  EXPECT_EQ(NegativePrompt(options).queries(input, random).size(), 1U);
  input.training = true;
  EXPECT_TRUE(NegativePrompt(options).queries(input, random).empty());
}

TEST(Negative, SameRandomSameQueries) {
  PromptInput input;
  for (const auto* text : {"a", "b", "c", "d", "e", "f"}) input.absent.push_back({"", text, "mri"});
  const NegativePrompt prompt(NegativeOptions{});
  std::set<std::string> drawn;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random first(seed), second(seed);
    const auto a = prompt.queries(input, first), b = prompt.queries(input, second);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].text, b[0].text);
    drawn.insert(a[0].text);
  }
  EXPECT_EQ(drawn.size(), 6U);
}

}  // namespace
}  // namespace sam3lab::prompt_test
