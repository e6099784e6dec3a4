// Errors, options and random numbers of the public interface.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include <sam3lab/api/error.h>
#include <sam3lab/api/options.h>
#include <sam3lab/api/random.h>

namespace sam3lab::api_test {
namespace {

TEST(Fault, JoinsItsPartsAndLeavesOutEmptyOnes) {
  EXPECT_EQ((Fault{"a.toml:14", "unknown key loss.smoth", "", "", "did you mean 'smooth'?"}).text(),
            "a.toml:14: unknown key loss.smoth; did you mean 'smooth'?");
  EXPECT_EQ((Fault{"image.nii", "bad size", "-3", "at least 1", "cut it"}).text(),
            "image.nii: bad size; got -3, expected at least 1; cut it");
  EXPECT_EQ((Fault{"", "", "", "a number", ""}).text(), "expected a number");
}

TEST(Error, OneLinePerFaultAndItsExitCode) {
  const UsageError error(std::vector<Fault>{{"a", "b", "", "", ""}, {"c", "d", "", "", ""}});
  EXPECT_STREQ(error.what(), "a: b\nc: d");
  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(DataError(Fault{}).code(), ExitCode::data);
  EXPECT_EQ(NumericError(Fault{}).code(), ExitCode::numeric);
}

struct Sample {
  double smooth = 1.0;
  std::int64_t count = 3;
  int narrow = 4;
  float single = 0.5F;
  bool on = true;
  std::string word = "a";
  Texts texts = {"x", "y\"z"};
  Dictionary table = {{"k", "v"}};
  template <class V>
  void visit(V&& v) {
    v("smooth", smooth, at_least(0).unit("px").about("added"));
    v("count", count, between(1, 8));
    v("narrow", narrow);
    v("single", single);
    v("on", on);
    v("word", word, one_of({"a", "b"}));
    v("texts", texts);
    v("table", table);
  }
};

TEST(Options, OneVisitDescribesAndFills) {
  const Schema schema = schema_of<Sample>();
  ASSERT_EQ(schema.size(), 8U);
  EXPECT_EQ(schema[0].name, "smooth");
  EXPECT_EQ(schema[0].limits.unit(), "px");
  EXPECT_EQ(schema[0].limits.about(), "added");
  EXPECT_EQ(type_name(schema[2].default_value), "integer");
  EXPECT_EQ(type_name(schema[3].default_value), "number");
  const Sample filled =
      options_from<Sample>({{"smooth", 2.5}, {"narrow", std::int64_t{9}}, {"single", 0.25}, {"texts", Texts{"q"}}});
  EXPECT_EQ(filled.smooth, 2.5);
  EXPECT_EQ(filled.narrow, 9);
  EXPECT_EQ(filled.single, 0.25F);
  EXPECT_EQ(filled.texts, Texts{"q"});
  EXPECT_EQ(filled.count, 3);
}

TEST(Options, ValuesAreWrittenAsToml) {
  EXPECT_EQ(format_value(1.0), "1.0");
  EXPECT_EQ(format_value(1e-8), "1e-08");
  EXPECT_EQ(format_value(0.1), "0.1");
  EXPECT_EQ(format_value(std::int64_t{-3}), "-3");
  EXPECT_EQ(format_value(true), "true");
  EXPECT_EQ(format_value(std::string("a\"b\\c\n\x01")), "\"a\\\"b\\\\c\\n\\u0001\"");
  EXPECT_EQ(format_value(Numbers{1, 0.5}), "[1.0, 0.5]");
  EXPECT_EQ(format_value(Texts{}), "[]");
  EXPECT_EQ(format_value(Dictionary{{"a b", "c"}}), "{ \"a b\" = \"c\" }");
}

TEST(Limits, RefuseWhatIsOutsideAndSayWhatIsInside) {
  EXPECT_FALSE(at_least(0).refuse(0.0));
  EXPECT_EQ(more_than(0).refuse(0.0), "more than 0");
  EXPECT_EQ(between(1, 8).refuse(std::int64_t{9}), "1 to 8");
  EXPECT_EQ(at_least(0).less_than(1).length(2).refuse(Numbers{0.9, 1.0}), "2 values, at least 0, less than 1");
  EXPECT_EQ(Limits().length(2).refuse(Texts{"a"}), "2 values");
  EXPECT_EQ(one_of({"a", "b"}).refuse(std::string("c")), "one of: a, b");
  EXPECT_EQ(one_of({"a", "b"}).refuse(Texts{"a", "c"}), "one of: a, b");
  EXPECT_EQ(Limits().refuse(std::numeric_limits<double>::quiet_NaN()), "a finite number");
  EXPECT_EQ(at_least(0).refuse(std::numeric_limits<double>::infinity()), "at least 0");
  EXPECT_EQ(Limits().describe(), "");
}

TEST(Random, UnnamedStreamIsSplitMix64) {
  Random random(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317U, 3203168211198807973U, 9817491932198370423U, 4593380528125082431U, 16408922859458223821U}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(Random, StreamsOfOneSeedDifferAndRepeat) {
  std::set<std::uint64_t> first;
  for (const char* stream : {"", "a", "b", "ab", "weights"}) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
      first.insert(Random(seed, stream).next());
      EXPECT_EQ(Random(seed, stream).next(), Random(seed, stream).next());
    }
  }
  EXPECT_EQ(first.size(), 15U);
}

TEST(Random, RestoredStateContinuesTheStream) {
  Random random(5, "x");
  random.normal();
  const std::uint64_t state = random.state();
  const double next = random.normal();
  Random other(99);
  other.restore(state);
  EXPECT_EQ(other.normal(), next);
}

TEST(Random, NormalHasTheMomentsAndTailsOfANormal) {
  Random random(3, "moments");
  const int n = 200000;
  double sum = 0, squares = 0, fourth = 0;
  int beyond_two = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x, squares += x * x, fourth += x * x * x * x;
    beyond_two += std::abs(x) > 2.0 ? 1 : 0;
  }
  EXPECT_NEAR(sum / n, 0.0, 0.01);
  EXPECT_NEAR(squares / n, 1.0, 0.02);
  EXPECT_NEAR(fourth / n, 3.0, 0.15);
  EXPECT_NEAR(static_cast<double>(beyond_two) / n, 0.0455, 0.003);
}

// The program's own logarithm against the C library's: the polar method is recomputed from the same uniform numbers.
TEST(Random, NormalAgreesWithThePolarMethodInTheLibrarysArithmetic) {
  Random random(11, "polar"), twin(11, "polar");
  for (int i = 0; i < 10000; ++i) {
    double u = 0, s = 0;
    do {
      u = 2 * twin.uniform() - 1;
      const double v = 2 * twin.uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s == 0);
    EXPECT_NEAR(random.normal(), u * std::sqrt(-2 * std::log(s) / s), 1e-13);
  }
}

TEST(Random, BelowIsEvenAndShuffleKeepsAllItems) {
  Random random(7);
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) ++counts[random.below(6)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_THROW(random.below(0), std::invalid_argument);
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  const std::vector<int> sorted = items;
  random.shuffle(items);
  EXPECT_NE(items, sorted);
  std::sort(items.begin(), items.end());
  EXPECT_EQ(items, sorted);
}

}  // namespace
}  // namespace sam3lab::api_test
