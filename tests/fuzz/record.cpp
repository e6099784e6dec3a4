// A result file, all the way: seal, child process, reply. HDF5 1.10 dies of damaged files, which is what the child is for;
// here, too, it may die, and the reader has to say so. Its death must not look like the fuzzer's own.
#include <csignal>
#include <pthread.h>

#include "core/record/run_record.h"
#include "tests/fuzz/target.h"

#ifdef SAM3LAB_FUZZ
#include <sanitizer/common_interface_defs.h>
#endif

using namespace sam3lab;

namespace {

void forget_the_fuzzer() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGXFSZ}) (void)std::signal(signal, SIG_DFL);
#ifdef SAM3LAB_FUZZ
  __sanitizer_set_death_callback(nullptr);
#endif
}

}  // namespace

SAM3LAB_FUZZ_TARGET(record) {
  static const int registered = ::pthread_atfork(nullptr, nullptr, forget_the_fuzzer);
  fuzz::promise(registered == 0);
  const std::string file = fuzz::as_file(bytes);
  return fuzz::accepts([&] { (void)read_record(file); });
}
