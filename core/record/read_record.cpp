// HDF5 1.10 crashes on about one in twenty-five files with a few changed bytes, and on crafted ones at will. So a child process
// reads the file.
#include "core/record/pack.h"
#include "core/record/parse_record.h"
#include "core/record/sealed_file.h"
#include "core/tensor/own_process.h"

namespace sam3lab {

RunRecord read_record(const std::filesystem::path& file) {
  const std::string bytes = read_sealed(file);
  OwnProcess process{file.string(), "HDF5", "a result of sam3lab", "remove it and run again"};
  constexpr std::uint64_t bytes_a_second = 16 << 20;
  process.seconds += bytes.size() / bytes_a_second;
  const std::string answer = in_own_process(process, [&] {
    RunRecord record = parse_record(bytes, file.string());
    Pack pack;
    pack(record);
    return pack.bytes();
  });
  RunRecord record;
  Unpack unpack(answer);
  unpack(record);
  return record;
}

}  // namespace sam3lab
