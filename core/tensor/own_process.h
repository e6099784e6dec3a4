// Runs work in a child process, for libraries that a damaged file can crash. The child has limited memory and time, and sends
// its result through a pipe.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include <sam3lab/api/error.h>

namespace sam3lab {

struct OwnProcess {
  std::string name;                               // of the file, for messages
  std::string library;                            // "HDF5"
  std::string expected, fix;                      // for the error message if the library crashes on the file
  std::uint64_t memory = std::uint64_t{4} << 30;  // bytes, in addition to those of the program
  std::uint64_t seconds = 10;                     // of CPU time; a damaged file can make a library loop forever
};

// Runs `work` in a child process and returns its result. A DataError of `work` is thrown here with the same text. DataError,
// too, if the child runs out of memory or ends before its answer is complete. `work` must start no threads and must not use
// LibTorch.
std::string in_own_process(const OwnProcess& process, const std::function<std::string()>& work);

}  // namespace sam3lab
