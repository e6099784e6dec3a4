// Values as bytes and back, and bytes that somebody has damaged.
#include "core/base/archive.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sam3lab::archive_test {
namespace {

enum class Colour { red, green };

struct Inner {
  std::string name;
  std::optional<double> value;
};
template <class A>
void members(A& a, Inner& inner) {
  a(inner.name, inner.value);
}

struct Outer {
  std::int64_t number = 0;
  double nan = 0.0, infinity = 0.0;
  bool flag = false;
  Colour colour = Colour::red;
  std::vector<Inner> list;
  std::map<std::string, std::vector<std::int64_t>> by_name;
};
template <class A>
void members(A& a, Outer& outer) {
  a(outer.number, outer.nan, outer.infinity, outer.flag, outer.colour, outer.list, outer.by_name);
}

std::string sample() {
  Outer outer{-7,
              std::numeric_limits<double>::quiet_NaN(),
              -std::numeric_limits<double>::infinity(),
              true,
              Colour::green,
              {{std::string("a\0b", 3), 0.1}, {"", std::nullopt}},
              {{"x", {1, 2}}, {"y", {}}}};
  Pack pack;
  pack(outer);
  return std::move(pack).bytes();
}

TEST(Archive, GivesBackWhatWasPutIn) {
  const std::string bytes = sample();
  Unpack unpack(bytes);
  Outer outer;
  EXPECT_FALSE(unpack.done());
  unpack(outer);
  EXPECT_TRUE(unpack.done());
  EXPECT_EQ(outer.number, -7);
  EXPECT_TRUE(std::isnan(outer.nan));
  EXPECT_EQ(outer.infinity, -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(outer.flag);
  EXPECT_EQ(outer.colour, Colour::green);
  ASSERT_EQ(outer.list.size(), 2U);
  EXPECT_EQ(outer.list[0].name, std::string("a\0b", 3));
  EXPECT_EQ(outer.list[0].value, 0.1);
  EXPECT_EQ(outer.list[1].value, std::nullopt);
  EXPECT_EQ(outer.by_name, (std::map<std::string, std::vector<std::int64_t>>{{"x", {1, 2}}, {"y", {}}}));
}

TEST(Archive, GivesALongTextWithoutACopy) {
  std::string text(1000, 't');
  Pack pack;
  pack(text);
  Unpack unpack(pack.bytes());
  std::string_view seen;
  unpack(seen);
  EXPECT_EQ(seen, text);
  EXPECT_EQ(seen.data() + seen.size(), pack.bytes().data() + pack.bytes().size());
}

TEST(Archive, RefusesEveryTruncation) {
  const std::string bytes = sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Unpack unpack(std::string_view(bytes).substr(0, size), "the answer");
    Outer outer;
    try {
      unpack(outer);
      ADD_FAILURE() << size << " bytes were enough";
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("the answer: ends too soon"));
    }
  }
}

TEST(Archive, TakesNoMemoryForCountsThatTheBytesDoNotHold) {
  for (const std::int64_t count : {std::int64_t{-1}, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::max()}) {
    std::int64_t size = count;
    Pack pack;
    pack(size);
    const auto reads = [&pack](auto value) { Unpack(pack.bytes())(value); };
    EXPECT_THROW(reads(std::string()), DataError) << count;
    EXPECT_THROW(reads(std::vector<std::int64_t>()), DataError) << count;
    EXPECT_THROW(reads(std::map<std::string, double>()), DataError) << count;
  }
}

}  // namespace
}  // namespace sam3lab::archive_test
