// Work that a library may not survive: parsing files from strangers with code that is not ours. It is done by a child process
// with limited memory and time, which sends what it found through a pipe.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include <sam3lab/api/error.h>

namespace sam3lab {

struct OwnProcess {
  std::string name;                               // of the file, for messages
  std::string library;                            // "HDF5"
  std::string expected, fix;                      // of the refusal of a file that the library does not survive
  std::uint64_t memory = std::uint64_t{4} << 30;  // bytes, beyond what the program holds anyway
  std::uint64_t seconds = 10;                     // of processor time; a damaged file can make a library go round for ever
};

// What `work` returns, in a child. A DataError that it throws is thrown here with the same text; DataError, too, if the child
// runs out of memory or dies before its answer is complete. `work` must use no thread but its own, and nothing of LibTorch.
std::string in_own_process(const OwnProcess& process, const std::function<std::string()>& work);

}  // namespace sam3lab
