// The table of what files hold.
#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/cases/content_hashes.h"
#include "tests/support/make_files.h"

namespace sam3lab::content_hashes_test {
using namespace datasets;
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

TEST(ContentHashes, TrustsWhatHasSettled) {
  TempFolder folder;
  const auto file = folder / "a", table = folder / "table";
  test::write_text(file, "abc");
  ContentHashes hashes(table);
  const auto abc = hashes.of(file);
  EXPECT_EQ(hex_of(abc), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hashes.of(file), abc);
  EXPECT_EQ(hashes.files_read(), 2) << "within two seconds of a change it is read each time";
  EXPECT_FALSE(fs::exists(table));
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(hashes.of(file), abc);
  EXPECT_EQ(hashes.of(file), abc);
  EXPECT_EQ(hashes.files_read(), 3);
  ContentHashes second(table);
  EXPECT_EQ(second.of(file), abc);
  EXPECT_EQ(second.files_read(), 0);
  // The same file, length and time of content.
  struct stat before {};
  ASSERT_EQ(::stat(file.c_str(), &before), 0);
  std::fstream(file, std::ios::in | std::ios::out) << "abd";
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_NE(second.of(file), abc);
  EXPECT_NE(ContentHashes(table).of(file), abc);
  // A writer that was killed, and a row that is no row.
  auto bytes = test::read_bytes(table);
  ASSERT_EQ(bytes.size(), 112U);
  bytes[70] ^= 1;
  bytes.resize(150, 7);
  test::write_bytes(table, bytes);
  ContentHashes third(table);
  EXPECT_NE(third.of(file), abc);
  EXPECT_EQ(third.files_read(), 1);
  EXPECT_THROW(third.of(folder / "none"), DataError);
  EXPECT_THROW(third.of(folder / ""), DataError);
}

}  // namespace
}  // namespace sam3lab::content_hashes_test
