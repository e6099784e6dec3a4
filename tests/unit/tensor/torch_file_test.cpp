// Checkpoints of Python, of ours, and of someone who means harm.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "core/tensor/safetensors.h"
#include "core/tensor/torch_file.h"
#include "core/tensor/zip.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::torch_file_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string python_file = SAM3LAB_SOURCE_DIR "/tests/golden/torch_save.pt";

class TorchFile : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name = "file.pt") const { return (folder_ / name).string(); }

  // An archive like torch.save's around a pickle of the test's own.
  std::string archive(const std::string& pickle, const std::string& storage = std::string(16, '\0')) const {
    zip::Writer writer(path());
    writer.add("archive/data.pkl", pickle);
    writer.add("archive/data/0", storage);
    writer.add("archive/version", "3\n");
    writer.commit();
    return path();
  }
  static std::string refusal(const std::string& file) {
    try {
      (void)read_checkpoint(file);
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr(file));
      return error.what();
    }
    return "accepted";
  }

  test::TempFolder temporary_;
  fs::path folder_ = temporary_.path();
};

std::string text(const std::string& value) { return std::string("\x8c") + static_cast<char>(value.size()) + value; }
std::string number(std::int64_t value) { return "\x8a\x08" + std::string(reinterpret_cast<const char*>(&value), 8); }
std::string numbers(const std::vector<std::int64_t>& values) {
  std::string out = "(";
  for (const auto value : values) out += number(value);
  return out + "t";
}
// {"w": a tensor of the given description over storage 0}
std::string one_tensor(std::int64_t elements, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                       const std::vector<std::int64_t>& strides, const std::string& storage = "FloatStorage") {
  return "\x80\x02}" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + storage + "\n" +
         text("0") + text("cpu") + number(elements) + "tQ" + number(offset) + numbers(sizes) + numbers(strides) +
         "\x89"
         "ccollections\nOrderedDict\n)RtRs.";
}
std::string slurp(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void spill(const std::string& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

TEST_F(TorchFile, ReadsWhatPythonWrites) {
  const auto file = read_checkpoint(python_file);
  EXPECT_EQ(file.format, "torch");
  EXPECT_EQ(file.tensors.size(), 19U);
  const auto range = at::arange(6, at::kLong).view({2, 3});
  const std::vector<std::pair<std::string, at::ScalarType>> types = {{"float32", at::kFloat}, {"float64", at::kDouble},
                                                                     {"float16", at::kHalf},  {"bfloat16", at::kBFloat16},
                                                                     {"int64", at::kLong},    {"int32", at::kInt},
                                                                     {"int16", at::kShort},   {"int8", at::kChar},
                                                                     {"uint8", at::kByte},    {"complex64", at::kComplexFloat}};
  for (const auto& [name, type] : types) {
    const auto& tensor = file.tensors.at("type." + name);
    EXPECT_EQ(tensor.scalar_type(), type);
    EXPECT_TRUE(tensor.equal(range.to(type))) << name;
  }
  EXPECT_TRUE(file.tensors.at("type.bool").equal((range % 2).to(at::kBool)));
  const auto base = at::arange(24, at::kFloat).view({4, 6});
  EXPECT_TRUE(file.tensors.at("view.whole").equal(base));
  EXPECT_TRUE(file.tensors.at("view.transposed").equal(base.t()));
  EXPECT_TRUE(file.tensors.at("view.column").equal(base.slice(0, 1).select(1, 2)));
  EXPECT_EQ(file.tensors.at("empty").sizes(), at::IntArrayRef({0, 5}));
  EXPECT_EQ(file.tensors.at("scalar").item<float>(), 7.5F);
  EXPECT_TRUE(file.tensors.at("parameter").equal(at::arange(3, at::kFloat)));
  EXPECT_TRUE(file.tensors.at("module.weight").equal(at::full({2, 3}, 0.25)));
  const Metadata expected = {{"epoch", "12"}, {"best", "0.750000"}, {"note", "fine"}, {"seed", "-3"}};
  EXPECT_EQ(file.metadata, expected);
}

TEST_F(TorchFile, KeepsSharedStoragesShared) {
  const auto file = read_checkpoint(python_file);
  EXPECT_EQ(file.tensors.at("view.transposed").data_ptr(), file.tensors.at("view.whole").data_ptr());
  const auto before = slurp(python_file);
  file.tensors.at("view.whole").fill_(-1);  // private pages: the file stays as it is
  EXPECT_EQ(file.tensors.at("view.column")[0].item<float>(), -1.0F);
  EXPECT_EQ(slurp(python_file), before);
}

TEST_F(TorchFile, ReadsBackWhatItWrites) {
  const Tensors tensors = {{"b", at::arange(6, at::kFloat).view({2, 3}).t()},
                           {"a", at::arange(4, at::kBFloat16)},
                           {"flag", at::ones({3}, at::kBool)},
                           {"none", at::zeros({0, 2})}};
  for (const std::string under : {"model", "state_dict", ""}) {
    write_torch_file(path(), tensors, under);
    const auto file = read_checkpoint(path());
    ASSERT_EQ(file.tensors.size(), tensors.size());
    for (const auto& [name, tensor] : tensors) EXPECT_TRUE(file.tensors.at(name).equal(tensor)) << name;
  }
}

TEST_F(TorchFile, WritesEqualBytesForEqualTensors) {
  write_torch_file(path("a.pt"), {{"w", at::ones({5})}});
  write_torch_file(path("b.pt"), {{"w", at::ones({5})}});
  EXPECT_EQ(slurp(path("a.pt")), slurp(path("b.pt")));
}

TEST_F(TorchFile, LeavesNothingBehindWhereItCannotWrite) {
  EXPECT_THROW(write_torch_file(path("missing/file.pt"), {{"w", at::ones({5})}}), DataError);
  EXPECT_THROW(write_torch_file(path(), {{"w", at::ones({5}).to(at::kFloat8_e5m2)}}), DataError);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(TorchFile, ReadsZip64) {
  zip::Writer writer(path(), 1);  // every size and offset in the wide fields, as in a file of many gigabytes
  writer.add("archive/data.pkl", one_tensor(4, 0, {4}, {1}));
  writer.add("archive/data/0", std::string(16, '\0'));
  writer.commit();
  EXPECT_TRUE(read_checkpoint(path()).tensors.at("w").equal(at::zeros({4})));
}

TEST_F(TorchFile, RunsNothing) {
  const auto trap = path("trap");
  const std::string call = "cposix\nsystem\n(" + text("touch " + trap) + "tR.";
  EXPECT_THAT(refusal(archive("\x80\x02" + call)), HasSubstr("posix.system"));
  EXPECT_THAT(refusal(archive("\x80\x02"
                              "cos\nsystem\n(" +
                              text("touch " + trap) + "tR.")),
              HasSubstr("os.system"));
  EXPECT_THAT(refusal(archive("\x80\x04" + text("builtins") + text("eval") +
                              "\x93"
                              "(" +
                              text("1") + "tR.")),
              HasSubstr("builtins.eval"));
  EXPECT_THAT(refusal(archive("\x80\x02"
                              "ctorch\nload\n(" +
                              text(trap) + "tR.")),
              HasSubstr("torch.load"));
  EXPECT_THAT(refusal(archive("\x80\x02(S'x'\nios\nsystem\n.")), HasSubstr("instruction"));  // INST, protocol 0
  EXPECT_FALSE(fs::exists(trap));
}

TEST_F(TorchFile, RefusesTensorsThatAreNoViewOfTheirStorage) {
  const auto largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(refusal(archive(one_tensor(4, 0, {2, 2}, {2, 1}))), "accepted");
  EXPECT_THAT(refusal(archive(one_tensor(5, 0, {5}, {1}))), HasSubstr("shorter"));
  EXPECT_THAT(refusal(archive(one_tensor(4, 1, {4}, {1}))), HasSubstr("past the end"));
  EXPECT_THAT(refusal(archive(one_tensor(4, 0, {2, 2}, {3, 1}))), HasSubstr("past the end"));
  EXPECT_THAT(refusal(archive(one_tensor(4, -1, {2}, {1}))), HasSubstr("damaged"));
  EXPECT_THAT(refusal(archive(one_tensor(4, 0, {-2}, {1}))), HasSubstr("negative"));
  EXPECT_THAT(refusal(archive(one_tensor(4, 3, {2}, {-1}))), HasSubstr("negative"));
  EXPECT_THAT(refusal(archive(one_tensor(4, 0, {largest, largest}, {largest, 1}))), HasSubstr("2^63"));
  EXPECT_THAT(refusal(archive(one_tensor(4, 0, {largest, 0}, {0, 0}))), HasSubstr("2^63"));
  EXPECT_THAT(refusal(archive(one_tensor(4, largest, {2}, {1}))), HasSubstr("2^63"));
  EXPECT_THAT(refusal(archive(one_tensor(largest, 0, {2}, {1}))), HasSubstr("shorter"));
  EXPECT_THAT(refusal(archive(one_tensor(-4, 0, {1}, {1}))), HasSubstr("past the end"));
  EXPECT_THAT(refusal(archive(one_tensor(4, 0, {1 << 30}, {0}))), HasSubstr("elements of a storage"));  // 4 GB out of 16 bytes
  EXPECT_THAT(refusal(archive(one_tensor(4, 0, {2, 2}, {1}))), HasSubstr("damaged"));
  EXPECT_THAT(refusal(archive(one_tensor(16, 0, {16}, {1}, "BoolStorage"), std::string(16, '\7'))), HasSubstr("0 and 1"));
}

TEST_F(TorchFile, RefusesPicklesThatMakeNoSense) {
  EXPECT_THAT(refusal(archive("")), HasSubstr("ends too early"));
  EXPECT_THAT(refusal(archive("\x80\x02}")), HasSubstr("ends too early"));
  EXPECT_THAT(refusal(archive("\x80\x02.")), HasSubstr("empty stack"));
  EXPECT_THAT(refusal(archive("\x80\x02K\1.")), HasSubstr("no dictionary"));
  EXPECT_THAT(refusal(archive("\x80\x02}.")), HasSubstr("no tensors"));
  EXPECT_THAT(refusal(archive("\x80\x02}h\x05.")), HasSubstr("reference to nothing"));
  EXPECT_THAT(refusal(archive("\x80\x02X\xff\xff\xff\xff.")), HasSubstr("ends too early"));
  EXPECT_THAT(refusal(archive("\x80\x02]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a.")),
              HasSubstr("no dictionary"));  // holds itself
  EXPECT_THAT(refusal(archive("\x80\x02" + std::string(5'000'000, 'N') + ".")), HasSubstr("more than"));
  auto twice = one_tensor(4, 0, {4}, {1});
  const auto body = twice.substr(3, twice.size() - 4);
  EXPECT_THAT(refusal(archive("\x80\x02}" + body + body + ".")), HasSubstr("twice"));
}

// A tuple named again and again would be copied into every tensor: 0.8 MB of pickle would become 60 MB of shapes, 16 MB more
// than 1 GB.
TEST_F(TorchFile, CountsTheShapesThatAPickleRepeats) {
  const std::string zero(1, '\0');
  std::string pickle =
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\nq" +
      zero + "(" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(4) + "tQq\1" +
      numbers(std::vector<std::int64_t>(64, 1)) + "q\2";
  for (int i = 0; i < 40'000; ++i) pickle += "h" + zero + "(h\1K" + zero + "h\2h\2\x89NtR";
  EXPECT_THAT(refusal(archive(pickle + ".")), HasSubstr("more than"));
}

// Two entries over the same bytes: how an archive without compression would still unpack to more than it holds.
TEST_F(TorchFile, RefusesEntriesThatOverlap) {
  const std::string name = "archive/data/1";
  std::string local = "PK\x03\x04";  // the header of an entry, as the data of another one
  local.resize(30 + name.size() + 8, '\0');
  local[26] = static_cast<char>(name.size());
  local.replace(30, name.size(), name);
  zip::Writer writer(path());
  writer.add("archive/data.pkl", one_tensor(4, 0, {4}, {1}));
  writer.add("archive/data/0", local);
  writer.add(name, std::string(8, '\0'));
  writer.commit();
  EXPECT_EQ(refusal(path()), "accepted");
  auto bytes = slurp(path());
  const auto inner = static_cast<std::uint32_t>(bytes.find(local));
  std::memcpy(bytes.data() + bytes.rfind(name) - 4, &inner, 4);  // where the directory says that its header is
  spill(path(), bytes);
  EXPECT_THAT(refusal(path()), HasSubstr("overlap"));
}

TEST_F(TorchFile, RefusesDamagedArchives) {
  const auto good = slurp(python_file);
  for (const std::size_t size : {std::size_t{0}, std::size_t{4}, std::size_t{100}, good.size() / 2, good.size() - 1}) {
    spill(path(), good.substr(0, size));
    EXPECT_NE(refusal(path()), "accepted") << size;
  }
  spill(path(), good + std::string(70'000, 'x'));
  EXPECT_THAT(refusal(path()), HasSubstr("end record"));
  spill(path(), good + "x");
  EXPECT_THAT(refusal(path()), HasSubstr("end where it says"));
  auto packed = good;
  packed[good.find("PK\x01\x02") + 10] = 8;  // method: deflate
  spill(path(), packed);
  EXPECT_THAT(refusal(path()), HasSubstr("compressed"));
  auto wrong = slurp(archive(one_tensor(4, 0, {4}, {1})));
  wrong[wrong.find("storage")] = 'S';
  spill(path(), wrong);
  EXPECT_THAT(refusal(path()), HasSubstr("checksum"));
}

TEST_F(TorchFile, NeverCrashesOnFlippedBits) {
  const auto good = slurp(python_file);
  std::uint64_t state = 7;
  int refused = 0;
  for (int trial = 0; trial < 800; ++trial) {
    auto bytes = good;
    for (int flip = 0; flip < 3; ++flip) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      bytes[(state >> 20) % bytes.size()] ^= static_cast<char>(1U << ((state >> 10) % 8));
    }
    spill(path(), bytes);
    try {
      for (const auto& [name, tensor] : read_torch_file(path()).tensors) (void)tensor.clone();
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 80);  // flips in the padding and in the numbers change no structure
}

TEST_F(TorchFile, SaysWhatAnOldOrForeignFileIs) {
  spill(path(), std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9", 9));
  EXPECT_THAT(refusal(path()), HasSubstr("before 1.6"));
  zip::Writer writer(path());
  writer.add("archive/data.pkl", "\x80\x02}.");
  writer.add("archive/constants.pkl", "\x80\x02).");
  writer.commit();
  EXPECT_THAT(refusal(path()), HasSubstr("TorchScript"));
  EXPECT_THAT(refusal(path("missing.pt")), HasSubstr("cannot open"));
}

}  // namespace
}  // namespace sam3lab::torch_file_test
