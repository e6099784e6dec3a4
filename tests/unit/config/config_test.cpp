// Reading of experiment files, against a catalogue that no plugin stands behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/read.h"
#include "core/config/toml_text.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::config_test {
namespace {

using testing::HasSubstr;
using testing::Not;

struct BoxOptions {
  double l1 = 5.0;
  Dictionary names;
  template <class V>
  void visit(V&& v) {
    v("l1", l1, at_least(0));
    v("names", names);
  }
};
struct DiceOptions {
  double smooth = 1.0, l1 = 0.5;
  template <class V>
  void visit(V&& v) {
    v("smooth", smooth, at_least(0));
    v("l1", l1);
  }
};
struct VolumeOptions {
  std::string image, decoded;
  Texts more;
  std::int64_t cache_gb = 1;
  template <class V>
  void visit(V&& v) {
    v("image", image, Limits().path().required());
    v("more", more, Limits().path());
    v("decoded", decoded, Limits().path().changes_no_result());
    v("cache_gb", cache_gb);
  }
};

Catalogue catalogue() {
  return {{"backbone", {{"net", {}}}},
          {"matcher", {{"hungarian", {}}, {"one_to_many", {}}}},
          {"loss", {{"box", {"", schema_of<BoxOptions>()}}, {"dice", {"", schema_of<DiceOptions>()}}}},
          {"scheme", {{"full", {}}}},
          {"dataset", {{"volume", {"", schema_of<VolumeOptions>()}}}},
          {"prompt", {{"canonical", {}}}},
          {"metric", {{"iou", {}}}}};
}

constexpr const char* complete = R"(
[backbone]
use = "net"
[matcher.one_to_one]
use = "hungarian"
[loss.box]
l1 = 2
[scheme]
use = "full"
[dataset.head]
use = "volume"
modality = "mri"
image = "../data/head.nii"
[prompt.canonical]
[metric.iou]
[train]
steps = 10
)";

class Config : public testing::Test {
 protected:
  Config() { write("base.toml", complete); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  Experiment read(const std::string& name, const std::vector<std::string>& sets = {}) const {
    return read_experiment({folder_ / name, sets}, catalogue());
  }
  // What the refusal says; empty if there is none.
  std::string refusal(const std::string& name, const std::vector<std::string>& sets = {}) const {
    try {
      read_cells({folder_ / name, sets}, catalogue());
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }
  double loss_option(const Experiment& experiment, const std::string& loss, const std::string& option) const {
    return std::get<double>(experiment.losses.at(loss).options.at(option));
  }

  test::TempFolder temporary_;
  std::filesystem::path folder_ = temporary_.path();
};

TEST_F(Config, CompleteFileIsTyped) {
  const Experiment experiment = read("base.toml");
  EXPECT_EQ(experiment.name, "base");
  EXPECT_EQ(experiment.seeds, Integers{0});
  EXPECT_EQ(experiment.backbone.use, "net");
  EXPECT_EQ(experiment.matchers.at("one_to_one").use, "hungarian");
  EXPECT_EQ(experiment.losses.at("box").use, "box");
  EXPECT_EQ(loss_option(experiment, "box", "l1"), 2.0) << "an integer is taken where a number is expected";
  EXPECT_EQ(experiment.train.steps, 10);
  EXPECT_EQ(experiment.train.betas, (Numbers{0.9, 0.999}));
  EXPECT_EQ(experiment.datasets.at("head").common.modality, "mri");
  EXPECT_THAT(experiment.datasets.at("head").where, HasSubstr("base.toml:11"));
  EXPECT_EQ(experiment.source_text, complete);
}

TEST_F(Config, ChildWinsKeyByKey) {
  write("child.toml",
        "extends = 'base.toml'\nname = 'c'\nseeds = [3, 1]\n[train]\nlearning_rate = 0.5\n[loss.dice]\nsmooth = 3\n");
  const Experiment experiment = read("child.toml");
  EXPECT_EQ(experiment.name, "c");
  EXPECT_EQ(experiment.seeds, (Integers{3, 1}));
  EXPECT_EQ(experiment.train.steps, 10);
  EXPECT_EQ(experiment.train.learning_rate, 0.5);
  EXPECT_EQ(loss_option(experiment, "box", "l1"), 2.0);
  EXPECT_EQ(loss_option(experiment, "dice", "smooth"), 3.0);
  ASSERT_EQ(experiment.parents.size(), 1U);
  EXPECT_EQ(experiment.parents[0].filename(), "base.toml");
}

TEST_F(Config, OfSeveralParentsTheLaterWinsAndACommonAncestorIsMergedOnce) {
  write("a.toml", "extends = 'base.toml'\n[train]\nsteps = 1\nwarmup_steps = 1\n");
  write("b.toml", "extends = 'base.toml'\n[train]\nwarmup_steps = 2\n");
  write("c.toml", "extends = ['a.toml', 'b.toml']\n");
  const Experiment experiment = read("c.toml");
  EXPECT_EQ(experiment.train.steps, 1) << "base.toml must not come back through b.toml";
  EXPECT_EQ(experiment.train.warmup_steps, 2);
}

TEST_F(Config, AnotherPluginDropsTheOptionsOfTheOldOne) {
  write("child.toml", "extends = 'base.toml'\n[loss.box]\nuse = 'dice'\nsmooth = 7\n");
  const Experiment experiment = read("child.toml");
  EXPECT_EQ(experiment.losses.at("box").use, "dice");
  EXPECT_EQ(loss_option(experiment, "box", "smooth"), 7.0);
  EXPECT_EQ(loss_option(experiment, "box", "l1"), 0.5) << "the parent spoke of l1 of another plugin";
  write("same.toml", "extends = 'base.toml'\n[loss.box]\nuse = 'box'\n");
  EXPECT_EQ(loss_option(read("same.toml"), "box", "l1"), 2.0);
  EXPECT_EQ(loss_option(read("base.toml", {"loss.box.smooth=4", "loss.box.use=dice"}), "box", "smooth"), 4.0);
  EXPECT_THAT(refusal("base.toml", {"loss.box.use=dice", "loss.box.names.a=b"}),
              HasSubstr("unknown key loss.box.names for 'dice'"));
}

TEST_F(Config, AnotherDatasetPluginKeepsTheKeysOfTheTable) {
  Catalogue two = catalogue();
  two["dataset"]["tiles"] = {};
  write("child.toml", "extends = 'base.toml'\n[dataset.head]\nuse = 'tiles'\n");
  const Experiment experiment = read_experiment({folder_ / "child.toml", {}}, two);
  EXPECT_EQ(experiment.datasets.at("head").common.modality, "mri");
  EXPECT_FALSE(experiment.datasets.at("head").options.contains("image"));
}

TEST_F(Config, NoneSwitchesATableOff) {
  write("child.toml", "extends = 'base.toml'\n[loss.box]\nuse = 'none'\n[loss.dice]\n[matcher.one_to_many]\nuse = 'none'\n");
  const Experiment experiment = read("child.toml");
  EXPECT_FALSE(experiment.losses.contains("box"));
  EXPECT_FALSE(experiment.matchers.contains("one_to_many"));
  EXPECT_THAT(experiment.resolved_toml, Not(HasSubstr("none")));
}

TEST_F(Config, PathsStartAtTheFolderOfTheFileThatNamesThem) {
  write("recipes/child.toml", "extends = '../base.toml'\n[dataset.head]\nmore = ['x/y.nii', '/far/z.nii']\n");
  const Experiment experiment = read("recipes/child.toml");
  const OptionValues& options = experiment.datasets.at("head").options;
  const auto parent = folder_.parent_path();
  EXPECT_EQ(std::get<std::string>(options.at("image")), (parent / "data/head.nii").string());
  EXPECT_EQ(std::get<Texts>(options.at("more")), (Texts{(folder_ / "recipes/x/y.nii").string(), "/far/z.nii"}));
  EXPECT_THAT(experiment.resolved_toml, HasSubstr("image = \"../../data/head.nii\""));
  EXPECT_THAT(experiment.resolved_toml, HasSubstr("more = [\"x/y.nii\", \"/far/z.nii\"]"));
  EXPECT_THAT(experiment.resolved_toml, Not(HasSubstr(folder_.string())));
}

TEST_F(Config, ResolvedTextReadsBackToTheSameExperiment) {
  const Experiment experiment = read("base.toml", {"loss.box.names.\"a b\"=\"c \\\" d\"", "seeds=[4]"});
  write("again.toml", experiment.resolved_toml);
  const Experiment again = read("again.toml");
  EXPECT_EQ(again.resolved_toml, experiment.resolved_toml);
  EXPECT_EQ(again.identity, experiment.identity);
  EXPECT_EQ(std::get<Dictionary>(again.losses.at("box").options.at("names")), (Dictionary{{"a b", "c \" d"}}));
}

TEST_F(Config, IdentityIsThatOfTheSettingsAlone) {
  const std::string identity = read("base.toml").identity;
  EXPECT_EQ(identity.size(), 64U);
  EXPECT_EQ(read("base.toml", {"name=other", "seeds=[9]", "record.folder=elsewhere"}).identity, identity);
  EXPECT_EQ(read("base.toml", {"train.weight_decay=0.1"}).identity, identity) << "a default that is written out";
  EXPECT_NE(read("base.toml", {"train.weight_decay=0.2"}).identity, identity);
  EXPECT_NE(read("base.toml", {"loss.box.l1=3"}).identity, identity);
  EXPECT_EQ(read("base.toml", {"dataset.head.decoded=elsewhere"}).identity, identity) << "marked as changing no result";
  EXPECT_NE(read("base.toml", {"dataset.head.cache_gb=2"}).identity, identity) << "the mark counts, not the name";
  EXPECT_EQ(read("base.toml", {"dataset.head.citation=X"}).identity, identity);
  EXPECT_NE(read("base.toml", {"dataset.head.sampling_weight=2"}).identity, identity);
  write("moved/base.toml", complete);
  EXPECT_EQ(read("moved/base.toml").identity, identity);
}

TEST_F(Config, AllFaultsAtOnceWithTheirLines) {
  write("bad.toml",
        "extends = 'base.toml'\nseed = [1]\n[loss.dice]\nsmoth = 1\n[train]\nsteps = -1\nthreads = 1.5\n[extra]\nx = 1\n");
  const std::string text = refusal("bad.toml", {"train.stpes=3"});
  EXPECT_THAT(text, HasSubstr("bad.toml:2: unknown key seed; known: "));
  EXPECT_THAT(text, HasSubstr("bad.toml:4: unknown key loss.dice.smoth for 'dice'; known: l1, smooth; did you mean 'smooth'?"));
  EXPECT_THAT(text, HasSubstr("bad.toml:6: train.steps is out of range; got -1, expected at least 0"));
  EXPECT_THAT(text, HasSubstr("bad.toml:7: train.threads has the wrong type; got 1.5 (number), expected integer"));
  EXPECT_THAT(text, HasSubstr("bad.toml:8: unknown table extra"));
  EXPECT_THAT(text, HasSubstr("--set train.stpes: unknown key train.stpes"));
}

TEST_F(Config, FaultsOfAParentNameTheParent) {
  write("parent.toml", "extends = 'base.toml'\n\n[train]\nsteps = 'many'\n");
  write("child.toml", "extends = 'parent.toml'\n");
  EXPECT_THAT(refusal("child.toml"), HasSubstr("parent.toml:4: train.steps has the wrong type"));
}

TEST_F(Config, AManyFoldFaultIsCounted) {
  std::string text = "extends = 'base.toml'\n[train]\n";
  for (int i = 0; i < 300; ++i) text += "odd_" + std::to_string(i) + " = 1\n";
  write("many.toml", text);
  EXPECT_THAT(refusal("many.toml"), HasSubstr("and 200 more faults"));
}

TEST_F(Config, MissingPartsAreNamed) {
  write("empty.toml", "[train]\nsteps = 1\n");
  const std::string text = refusal("empty.toml");
  for (const char* part :
       {"[backbone]", "[dataset.NAME]", "[prompt.NAME]", "[metric.NAME]", "[scheme]", "[matcher.one_to_one]", "[loss.NAME]"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(refusal("base.toml", {"dataset.head.role=external"}), HasSubstr("no data to train on"));
  EXPECT_EQ(refusal("base.toml", {"dataset.head.role=external", "train.steps=0", "scheme.use=none", "loss.box.use=none"}), "");
}

TEST_F(Config, OverridesTakePlainWordsAndToml) {
  EXPECT_EQ(read("base.toml", {"train.schedule=cosine"}).train.schedule, "cosine");
  EXPECT_EQ(read("base.toml", {"train.schedule=\"cosine\""}).train.schedule, "cosine");
  EXPECT_EQ(read("base.toml", {"train.betas=[0.5, 0.6]"}).train.betas, (Numbers{0.5, 0.6}));
  EXPECT_EQ(read("base.toml", {"loss.dice={smooth=2}"}).losses.count("dice"), 1U);
  for (const char* bad :
       {"", "=1", "train", "train.steps=[1", "a b=1", "train.steps=1\nname='x'", "[train]#=1", "extends=x.toml", "variant=x"}) {
    EXPECT_NE(refusal("base.toml", {bad}), "") << bad;
  }
}

TEST_F(Config, GridGivesOneExperimentACell) {
  write("grid.toml", "extends = 'base.toml'\n[grid]\n'train.steps' = [1, 2, 3]\nloss.box.use = ['box', 'dice']\n");
  const auto cells = read_cells({folder_ / "grid.toml", {}}, catalogue());
  ASSERT_EQ(cells.size(), 6U);
  EXPECT_EQ(cells[0].losses.at("box").use, "box");
  EXPECT_EQ(cells[0].train.steps, 1);
  EXPECT_EQ(cells[4].losses.at("box").use, "dice");
  EXPECT_EQ(cells[4].train.steps, 2);
  EXPECT_EQ(cells[4].cell,
            (std::vector<std::pair<std::string, std::string>>{{"loss.box.use", "\"dice\""}, {"train.steps", "2"}}));
  std::set<std::string> identities;
  for (const Experiment& cell : cells) identities.insert(cell.identity);
  EXPECT_EQ(identities.size(), 6U);

  EXPECT_THROW(read("grid.toml"), UsageError);
  const Experiment picked = read("grid.toml", {"train.steps=8", "loss.box.use=dice"});
  EXPECT_EQ(picked.train.steps, 8);
  EXPECT_TRUE(picked.cell.empty());
  EXPECT_EQ(read_cells({folder_ / "grid.toml", {"train.steps=8"}}, catalogue()).size(), 2U);
}

TEST_F(Config, EveryValueOfAGridIsChecked) {
  write("grid.toml",
        "extends = 'base.toml'\n[grid]\n'train.steps' = [1, -2]\n'loss.box.use' = ['box', 'bx']\n'train.stps' = [1]\n");
  const std::string text = refusal("grid.toml");
  EXPECT_THAT(text, HasSubstr("grid.toml:3: train.steps is out of range; got -2"));
  EXPECT_THAT(text, HasSubstr("grid.toml:4: unknown loss plugin 'bx'"));
  EXPECT_THAT(text, HasSubstr("grid.toml:5: unknown key train.stps"));
  write("odd.toml",
        "extends = 'base.toml'\n[grid]\n'name' = ['a']\n'train.steps' = 3\n'a..b' = [1]\n'train.threads' = [1, 1]\n");
  const std::string odd = refusal("odd.toml");
  EXPECT_THAT(odd, HasSubstr("grid axis name cannot vary"));
  EXPECT_THAT(odd, HasSubstr("grid axis train.steps has no values"));
  EXPECT_THAT(odd, HasSubstr("grid axis a..b is no dotted key"));
  EXPECT_THAT(odd, HasSubstr("grid axis train.threads has the value 1 twice"));
  std::string axis = "[0";
  for (int i = 1; i < 100; ++i) axis += "," + std::to_string(i);
  axis += "]\n";
  write("large.toml", "extends = 'base.toml'\n[grid]\n'train.steps' = " + axis + "'train.warmup_steps' = " + axis);
  EXPECT_THAT(refusal("large.toml"), HasSubstr("grid is too large; expected at most 1024 cells"));
}

TEST_F(Config, VariantsAreCellsWithSeveralSettings) {
  write("variants.toml",
        "extends = 'base.toml'\n[variant.b]\n'train.steps' = 5\nloss.box.use = 'dice'\n[variant.a]\n[grid]\n"
        "'train.warmup_steps' = [1, 2]\n");
  const auto cells = read_cells({folder_ / "variants.toml", {}}, catalogue());
  ASSERT_EQ(cells.size(), 4U);
  EXPECT_EQ(cells[0].losses.at("box").use, "box");
  EXPECT_EQ(cells[1].cell, (std::vector<std::pair<std::string, std::string>>{{"variant", "a"}, {"train.warmup_steps", "2"}}));
  EXPECT_EQ(cells[2].train.steps, 5);
  EXPECT_EQ(cells[2].losses.at("box").use, "dice");
  EXPECT_EQ(cells[3].train.warmup_steps, 2);
  const auto sizes = [&](const std::vector<std::string>& sets) {
    return read_cells({folder_ / "variants.toml", sets}, catalogue()).size();
  };
  EXPECT_EQ(sizes({"variant=b"}), 2U);
  EXPECT_EQ(sizes({"variant=['a', 'b']", "train.warmup_steps=3"}), 2U);
  EXPECT_EQ(sizes({"variant.c.'train.steps'=7"}), 6U);
  for (const Experiment& cell : read_cells({folder_ / "variants.toml", {"train.steps=9"}}, catalogue()))
    EXPECT_EQ(cell.train.steps, 9);
}

TEST_F(Config, OddVariantsAreRefused) {
  write("odd.toml",
        "extends = 'base.toml'\n[variant]\nx = 3\n[variant.a]\nseeds = [1]\n'train.stps' = 2\n[variant.b]\ny = 1\n");
  const std::string text = refusal("odd.toml");
  EXPECT_THAT(text, HasSubstr("odd.toml:3: variant.x cannot stand in a variant"));
  EXPECT_THAT(text, HasSubstr("odd.toml:5: variant.a.seeds cannot stand in a variant"));
  EXPECT_THAT(text, HasSubstr("odd.toml:8: variant.b.y cannot stand in a variant"));
  EXPECT_THAT(text, HasSubstr("odd.toml:6: unknown key train.stps"));
  write("good.toml", "extends = 'base.toml'\n[variant.lora]\n'train.steps' = 2\n");
  EXPECT_THAT(refusal("good.toml", {"variant=lore"}),
              HasSubstr("unknown variant; known: lora; got \"lore\"; did you mean 'lora'?"));
  EXPECT_THAT(refusal("base.toml", {"variant=lora"}), HasSubstr("unknown variant; known: none"));
  write("three.toml", "extends = 'base.toml'\nvariant = 3\n");
  EXPECT_THAT(refusal("three.toml"), HasSubstr("variant has the wrong type"));
}

TEST_F(Config, AnotherParentTakesThePlaceOfTheOwn) {
  write("long.toml", "extends = 'base.toml'\n[train]\nsteps = 77\n");
  write("child.toml", "extends = 'base.toml'\n[train]\nwarmup_steps = 4\n");
  const Experiment other = read("child.toml", {"extends=" + (folder_ / "long.toml").string()});
  EXPECT_EQ(other.train.steps, 77);
  EXPECT_EQ(other.train.warmup_steps, 4);
  EXPECT_NE(read("child.toml").train.steps, 77);
  EXPECT_THAT(refusal("child.toml", {"extends=nowhere.toml"}), HasSubstr("--set extends: there is no file nowhere.toml"));
  EXPECT_THAT(refusal("child.toml", {"extends=3"}), HasSubstr("extends names no file"));
}

TEST_F(Config, HostileTextNeverCrashes) {
  std::string deep = "a";
  for (int i = 0; i < 50000; ++i) deep += ".a";
  const std::vector<std::string> texts = {deep + " = 1",
                                          "[" + deep + "]",
                                          "x = { " + deep + " = 1 }",
                                          "x = \"\"\"\n" + std::string(1000, '.') + "\\\"\"\"\"\n" + deep + " = 1",
                                          "x = " + std::string(100000, '['),
                                          "x = '" + std::string(1, '\0') + "'",
                                          "x = \"\xff\xfe\"",
                                          "train = 3\n[train.steps]\n",
                                          "name = \"a\"\xc3\xa4\n",
                                          "\xc4\xa4 = 1",
                                          "name = \"\"\"a\\\n  \xc4\xa4\"\"\"",
                                          "[[loss]]\nuse = 'box'\n",
                                          "[loss]\nbox = 3\n",
                                          "extends = ['base.toml', ['base.toml']]\n",
                                          "name = 1979-05-27\n",
                                          "seeds = [9223372036854775808]\n"};
  for (const std::string& text : texts) {
    write("hostile.toml", text);
    EXPECT_NE(refusal("hostile.toml"), "") << shorten(text);
  }
  write("letters.toml", "\xef\xbb\xbf" + std::string(complete) +
                            "# \xc3\xa4\n[loss.dice]\n[loss.\"\xc3\xa4\"]\nuse = 'box'\n"
                            "names = { '\xc3\xa9' = \"\"\"\xc3\xa4\"\"\"\"\" , \"b\" = '\xe2\x82\xac' }\n");
  EXPECT_EQ(refusal("letters.toml"), "") << "letters outside ASCII are welcome in strings, quoted keys and comments";
  write("dots.toml", std::string(complete) + "# " + std::string(100, '.') + "\n[evaluate]\nprotocol = 'strict' # 1.2.3.4.5\n");
  EXPECT_EQ(refusal("dots.toml"), "") << "dots of strings and comments are no keys";
}

TEST(Text, SuggestionsAreNearAndFew) {
  const std::vector<std::string> known = {"smooth", "alpha", "gamma", "weight", "weight_l1", "weight_giou", "weights"};
  EXPECT_EQ(suggestions("smoth", known), std::vector<std::string>{"smooth"});
  EXPECT_EQ(suggestions("aplha", known), std::vector<std::string>{"alpha"});
  EXPECT_EQ(suggestions("wieght", known).front(), "weight");
  EXPECT_LE(suggestions("weight", known).size(), 3U);
  EXPECT_TRUE(suggestions("zzz", known).empty());
  EXPECT_EQ(did_you_mean("weigt", {"weight", "weights"}), "did you mean 'weight' or 'weights'?");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);
}

TEST(Text, ShortenKeepsUtf8Whole) {
  std::string text(longest_quote - 4, 'a');
  text += "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";
  EXPECT_EQ(shorten(text), std::string(longest_quote - 4, 'a') + "...");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace sam3lab::config_test
