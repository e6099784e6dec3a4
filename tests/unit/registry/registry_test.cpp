// Loading of plugins: those of tests/support/plugins, built beside the tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/registry/registry.h"

namespace sam3lab::registry_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::filesystem::path made(const std::string& name) {
  return std::filesystem::path(SAM3LAB_BUILD_DIR) / "test_plugins" / name / (name + ".so");
}

std::string refusal(const PluginSources& sources) {
  try {
    const Registry registry(sources);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Registry, LoadsDescribesAndMakes) {
  const Registry registry({{made("good").parent_path()}, {}});
  ASSERT_EQ(registry.plugins().size(), 1U);
  EXPECT_EQ(registry.plugins()[0].name, "good");
  EXPECT_EQ(registry.plugins()[0].stamp, SAM3LAB_STAMP);
  EXPECT_EQ(registry.plugins()[0].offers, (std::vector<std::string>{"metric/test_score", "prompt/test_echo"}));
  EXPECT_EQ(registry.catalogue().at("metric").at("test_score").schema.size(), 8U);
  EXPECT_EQ(registry.origin("metric", "test_score"), made("good"));
  EXPECT_EQ(registry.origin("metric", "nothing"), "");

  PluginChoice choice{"metric", "m", "test_score", {{"factor", 2.5}}, "a.toml:1"};
  const auto metric = registry.make<Metric>(choice);
  EXPECT_EQ(metric->score({}), 5.0) << "factor of the choice times the default count";
  EXPECT_EQ(registry.make<Prompt>({"prompt", "p", "test_echo", {}, ""})->text("lung"), "lung");
}

TEST(Registry, ObjectsOutliveTheRegistry) {
  std::shared_ptr<Metric> metric;
  {
    const Registry registry({{}, {made("good")}});
    metric = registry.make<Metric>({"metric", "m", "test_score", {}, ""});
  }
  EXPECT_EQ(metric->info().definition, "factor x count");
}

TEST(Registry, UnknownNameListsSuggestionsAndAll) {
  const Registry registry({{}, {made("good")}});
  try {
    static_cast<void>(registry.make<Metric>({"metric", "m", "test_scor", {}, "a.toml:3"}));
    FAIL() << "made a plugin that does not exist";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "a.toml:3: unknown metric plugin 'test_scor'; known: test_score; did you mean 'test_score'?");
  }
}

TEST(Registry, TheSameFileTwiceIsLoadedOnce) {
  const Registry registry({{made("good").parent_path(), made("good").parent_path() / "."}, {made("good")}});
  EXPECT_EQ(registry.plugins().size(), 1U);
}

TEST(Registry, ANameClaimedTwiceCitesBothFiles) {
  EXPECT_THAT(refusal({{}, {made("good"), made("duplicate")}}),
              AllOf(HasSubstr(made("good").string()), HasSubstr(made("duplicate").string())));
}

TEST(Registry, StampMagicAndInterfaceAreCheckedBeforeAnythingRuns) {
  EXPECT_THAT(refusal({{}, {made("wrong_stamp")}}),
              AllOf(HasSubstr("wrong stamp"), HasSubstr("torch-1.13.1"), HasSubstr(SAM3LAB_STAMP)));
  EXPECT_THAT(refusal({{}, {made("wrong_magic")}}), HasSubstr("another magic word"));
  EXPECT_THAT(refusal({{}, {made("wrong_api")}}), HasSubstr("version 2, expected version 1"));
}

TEST(Registry, AllRefusalsAtOnce) {
  const std::string text =
      refusal({{"nowhere"}, {made("no_symbol"), made("unresolved"), made("text"), made("throws"), made("bad_default")}});
  EXPECT_THAT(text, AllOf(HasSubstr("nowhere: plugin folder cannot be read"), HasSubstr("no_symbol.so: is no sam3lab plugin"),
                          HasSubstr("sam3lab_function_that_nobody_has"), HasSubstr("text.so: cannot be loaded"),
                          HasSubstr("the table of this plugin is lost"), HasSubstr("for an unknown slot"),
                          HasSubstr("default of -1.0")));
}

TEST(Registry, PathOfTheEnvironmentIsSplitAtColons) {
  setenv("SAM3LAB_PLUGIN_PATH", ":/a:/b c::", 1);
  const PluginSources sources = default_sources({"x.so"});
  unsetenv("SAM3LAB_PLUGIN_PATH");
  ASSERT_EQ(sources.folders.size(), 3U);
  EXPECT_EQ(sources.folders[0].filename(), "plugins");
  EXPECT_EQ(sources.folders[1], "/a");
  EXPECT_EQ(sources.folders[2], "/b c");
  EXPECT_EQ(sources.files, std::vector<std::filesystem::path>{"x.so"});
}

}  // namespace
}  // namespace sam3lab::registry_test
