// Round trips, and files made to do harm.
#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "core/tensor/safetensors.h"
#include "core/tensor/torch_file.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::safetensors_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Safetensors : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name = "file.safetensors") const { return (folder_ / name).string(); }

  std::string file(const std::string& header, std::size_t data, const char fill = '\0') const {
    const std::uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char*>(&length), 8);
    return raw(bytes + header + std::string(data, fill));
  }
  std::string raw(const std::string& bytes, const std::string& name = "file.safetensors") const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  static std::string refusal(const std::string& name) {
    try {
      (void)read_checkpoint(name);
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
      return error.what();
    }
    return "accepted";
  }
  static std::string entry(const std::string& type, const std::string& shape, const std::string& offsets,
                           const std::string& name = "w") {
    return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
  }
  static std::string slurp(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::TempFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(Safetensors, ComeBackAsTheyWere) {
  Tensors tensors = {{"scalar", at::scalar_tensor(2.5)},
                     {"empty", at::zeros({0, 3})},
                     {"strided", at::arange(6, at::kFloat).view({2, 3}).t()}};
  for (const auto type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16,
                          at::kFloat, at::kDouble, at::kComplexFloat}) {
    tensors[c10::toString(type)] = (at::arange(5) % 2).to(type);
  }
  const Metadata metadata = {{"format", "pt"}, {"text", "quote \" and \xc3\xa9"}};
  write_safetensors(path(), tensors, metadata);
  const auto read = read_checkpoint(path());
  EXPECT_EQ(read.format, "safetensors");
  EXPECT_EQ(read.metadata, metadata);
  ASSERT_EQ(read.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(read.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(read.tensors.at(name).equal(tensor)) << name;
  }
}

TEST_F(Safetensors, OutliveTheirFileAndNeverWriteToIt) {
  write_safetensors(path(), {{"w", at::ones({4})}});
  const auto before = slurp(path());
  auto tensor = read_safetensors(path()).tensors.at("w");
  tensor.add_(1);
  EXPECT_EQ(slurp(path()), before);
  fs::remove(path());
  EXPECT_TRUE(tensor.equal(at::full({4}, 2.0)));
}

TEST_F(Safetensors, ReadNumbersOffTheirAlignment) {
  const auto name = file("{" + entry("U8", "[1]", "[0,1]", "a") + "," + entry("F32", "[2]", "[1,9]") + "}", 9);
  EXPECT_TRUE(read_safetensors(name).tensors.at("w").equal(at::zeros({2})));
}

TEST_F(Safetensors, PublishWholeFilesOnly) {
  EXPECT_THROW(write_safetensors(path("missing/file.safetensors"), {{"w", at::ones({1})}}), DataError);
  EXPECT_THROW(write_safetensors(path(), {{"__metadata__", at::ones({1})}}), DataError);
  EXPECT_THROW(write_safetensors(path(), {{"bad \xff name", at::ones({1})}}), DataError);
  EXPECT_THROW(write_safetensors(path(), {{"w", at::ones({1}, at::kComplexDouble)}}), DataError);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Safetensors, LeaveTheOldFileWhereTheDiskIsFull) {
  write_safetensors(path(), {{"w", at::ones({1})}});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{4096, before.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);  // writes past the limit then fail as they do on a full disk
  ::setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write_safetensors(path(), {{"w", at::ones({10'000})}}), DataError);
  EXPECT_THROW(write_torch_file(path(), {{"w", at::ones({10'000})}}), DataError);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_TRUE(read_safetensors(path()).tensors.at("w").equal(at::ones({1})));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(Safetensors, RefuseBadSizes) {
  EXPECT_EQ(refusal(file("{" + entry("F32", "[2]", "[0,8]") + "}   ", 8)), "accepted");
  EXPECT_THAT(refusal(raw("")), HasSubstr("too short"));
  EXPECT_THAT(refusal(raw("1234567")), HasSubstr("too short"));
  EXPECT_THAT(refusal(raw(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10))), HasSubstr("longer than"));
  EXPECT_THAT(refusal(raw(std::string("\x03\0\0\0\0\0\0\0{}", 10))), HasSubstr("longer than"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[2]", "[0,8]") + "}", 7)), HasSubstr("outside"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[2]", "[0,8]") + "}", 9)), HasSubstr("no tensor"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[2]", "[8,0]") + "}", 8)), HasSubstr("outside"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[3]", "[0,8]") + "}", 8)), HasSubstr("does not fit"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[4611686018427387904,4]", "[0,0]") + "}", 0)), HasSubstr("2^63"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[9223372036854775808]", "[0,0]") + "}", 0)), HasSubstr("too large"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[0,9223372036854775807,9]", "[0,0]") + "}", 0)), HasSubstr("2^63"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[18446744073709551616]", "[0,0]") + "}", 0)), HasSubstr("no integer"));
  EXPECT_THAT(refusal(file("{" + entry("F32", "[2]", "[0,18446744073709551615]") + "}", 8)), HasSubstr("outside"));
}

TEST_F(Safetensors, RefuseOverlapsAndGaps) {
  const auto two = [&](const std::string& first, const std::string& second, std::size_t data) {
    return file("{" + entry("U8", "[4]", first, "a") + "," + entry("U8", "[4]", second, "b") + "}", data);
  };
  EXPECT_EQ(refusal(two("[4,8]", "[0,4]", 8)), "accepted");
  EXPECT_THAT(refusal(two("[0,4]", "[2,6]", 6)), HasSubstr("overlaps"));
  EXPECT_THAT(refusal(two("[0,4]", "[0,4]", 4)), HasSubstr("overlaps"));
  EXPECT_THAT(refusal(two("[0,4]", "[5,9]", 9)), HasSubstr("gap"));
}

TEST_F(Safetensors, RefuseHeadersOfAnotherGrammar) {
  const auto good = entry("U8", "[1]", "[0,1]");
  EXPECT_THAT(refusal(file("{" + good + "," + good + "}", 1)), HasSubstr("twice"));
  EXPECT_THAT(refusal(file("{\"w\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1)),
              HasSubstr("twice"));
  EXPECT_THAT(refusal(file("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," + good + "}", 1)), HasSubstr("twice"));
  EXPECT_THAT(refusal(file("{\"__metadata__\":{\"a\":1}," + good + "}", 1)), HasSubstr("damaged"));
  EXPECT_THAT(refusal(file("{" + entry("F31", "[1]", "[0,1]") + "}", 1)), HasSubstr("dtype"));
  EXPECT_THAT(refusal(file("{" + entry("U8", "[-1]", "[0,1]") + "}", 1)), HasSubstr("negative"));
  EXPECT_THAT(refusal(file("{" + entry("U8", "[1.0]", "[0,1]") + "}", 1)), HasSubstr("no integer"));
  EXPECT_THAT(refusal(file("{" + entry("U8", "[[1]]", "[0,1]") + "}", 1)), HasSubstr("damaged"));
  EXPECT_THAT(refusal(file("{" + entry("U8", "[1]", "[0]") + "}", 1)), HasSubstr("two numbers"));
  EXPECT_THAT(refusal(file("{" + entry("U8", "[1]", "[0,1,2]") + "}", 1)), HasSubstr("damaged"));
  EXPECT_THAT(refusal(file("{\"w\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1)), HasSubstr("lacks"));
  EXPECT_THAT(refusal(file("{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":[]}}", 1)),
              HasSubstr("unknown key"));
  EXPECT_THAT(refusal(file("[]", 0)), HasSubstr("damaged"));
  EXPECT_THAT(refusal(file("7", 0)), HasSubstr("damaged"));
  EXPECT_THAT(refusal(file("{" + good + "} x", 1)), HasSubstr("JSON"));
  EXPECT_THAT(refusal(file("{\"\xff\":{}}", 0)), HasSubstr("JSON"));
  EXPECT_THAT(refusal(file(std::string(1'000'000, '['), 0)), HasSubstr("damaged"));  // depth costs nothing
  EXPECT_THAT(refusal(file("{" + entry("BOOL", "[2]", "[0,2]") + "}", 2, '\2')), HasSubstr("0 and 1"));
}

TEST_F(Safetensors, NeverCrashOnFlippedBits) {
  write_safetensors(path("good"), {{"a", at::arange(7)}, {"b", at::ones({3, 4}, at::kHalf)}, {"c", at::ones({5}, at::kBool)}},
                    {{"k", "v"}});
  const auto good = slurp(path("good"));
  std::uint64_t state = 11;
  int refused = 0;
  for (int trial = 0; trial < 800; ++trial) {
    auto bytes = good;
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    bytes[(state >> 20) % bytes.size()] ^= static_cast<char>(1U << ((state >> 10) % 8));
    raw(bytes);
    try {
      for (const auto& [name, tensor] : read_safetensors(path()).tensors) (void)tensor.clone();
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 250);
}

TEST_F(Safetensors, ShardsBecomeOneFile) {
  write_safetensors(path("one.safetensors"), {{"a", at::ones({2})}});
  write_safetensors(path("two.safetensors"), {{"b", at::zeros({3})}, {"c", at::ones({1})}});
  const auto index = [&](const std::string& map) {
    return raw("{\"metadata\":{\"total_size\":24},\"weight_map\":" + map + "}", "m.index.json");
  };
  const auto whole = read_checkpoint(index(R"({"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"})"));
  EXPECT_EQ(whole.tensors.size(), 3U);
  EXPECT_EQ(whole.format, "safetensors, 2 shards");
  const auto refused = [&](const std::string& map, const std::string& because) {
    const auto name = index(map);
    try {
      (void)read_checkpoint(name);
      ADD_FAILURE() << "accepted " << map;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr(because));
    }
  };
  refused(R"({"a":"one.safetensors","x":"two.safetensors","b":"two.safetensors","c":"two.safetensors"})", "lacks tensor 'x'");
  refused(R"({"a":"one.safetensors","b":"two.safetensors"})", "does not name");
  refused(R"({"a":"three.safetensors"})", "cannot open");
  refused(R"({"a":"../one.safetensors"})", "plain file name");
  refused(R"({"a":"/etc/passwd"})", "plain file name");
  refused(R"({"a":"one.safetensors","a":"one.safetensors"})", "twice");
  refused(R"({"a":1})", "no text");
  refused(R"({"a":{"b":{"c":{"d":{}}}}})", "levels");
  refused("[]", "weight_map");
}

TEST_F(Safetensors, RefuseAHeaderOfAHundredMegabytes) {
  const auto sparse = [&](std::uint64_t length) {  // zeros that take no place on the disk
    raw(std::string(reinterpret_cast<const char*>(&length), 8));
    fs::resize_file(path(), 8 + length);
    return path();
  };
  EXPECT_THAT(refusal(sparse(100'000'001)), HasSubstr("at most 100000000"));
  EXPECT_THAT(refusal(sparse(100'000'000)), HasSubstr("no valid JSON at byte 1"));
}

TEST_F(Safetensors, RefuseHostileIndexes) {
  write_safetensors(path("one.safetensors"), {{"a", at::ones({2})}});
  write_safetensors(path("two.safetensors"), {{"a", at::zeros({3})}});
  const auto refused = [&](const std::string& text) {
    raw(text, "m.index.json");
    try {
      (void)read_checkpoint(path("m.index.json"));
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::string good = R"({"weight_map":{"a":"one.safetensors"}})";
  EXPECT_EQ(refused(good), "accepted");
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_NE(refused(good.substr(0, size)), "accepted") << size;
  EXPECT_THAT(refused(good + "x"), HasSubstr("damaged JSON"));
  EXPECT_THAT(refused("{}"), HasSubstr("weight_map"));
  EXPECT_THAT(refused(R"({"weight_map":["one.safetensors"]})"), HasSubstr("weight_map"));
  EXPECT_THAT(refused(R"({"weight_map":{},"weight_map":{"a":"one.safetensors"}})"), HasSubstr("twice"));
  EXPECT_THAT(refused(R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})"), HasSubstr("in two shards"));
  EXPECT_THAT(refused(R"({"weight_map":{"a":"m.index.json"}})"), HasSubstr("longer than"));  // itself
  EXPECT_THAT(refused(R"({"weight_map":{"a":"one.safetensors\u0000x"}})"), HasSubstr("plain file name"));
  EXPECT_THAT(refused(R"({"weight_map":{"a":".."}})"), HasSubstr("plain file name"));
  EXPECT_THAT(refused(R"({"weight_map":{"a":""}})"), HasSubstr("plain file name"));
  EXPECT_THAT(refused("{\"weight_map\":{\"a\":\"\xff\"}}"), HasSubstr("damaged JSON"));
  EXPECT_THAT(refused(std::string(1'000'000, '[')), HasSubstr("levels"));  // depth costs nothing
  fs::create_directory(path("folder"));
  EXPECT_THAT(refused(R"({"weight_map":{"a":"folder"}})"), HasSubstr("not a regular file"));
  raw("{", "m.index.json");
  fs::resize_file(path("m.index.json"), 16'000'001);
  EXPECT_THAT(refusal(path("m.index.json")), HasSubstr("too large"));
}

TEST_F(Safetensors, SayWhereAPathIsWrong) {
  EXPECT_THAT(refusal(path("missing")), HasSubstr("cannot open"));
  EXPECT_THAT(refusal(folder_.string()), HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace sam3lab::safetensors_test
