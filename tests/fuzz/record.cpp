// A result file, all the way: seal, child process, reply. HDF5 1.10 dies of damaged files, which is what the child is for;
// here, too, it may die, and the reader has to say so. Its death must not look like the fuzzer's own.
#include <csignal>
#include <pthread.h>

#include "core/record/run_record.h"
#include "tests/fuzz/target.h"
#include "tests/support/record_sample.h"

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

// The corpus may be of an older layout; today's must be read.
bool reads_what_it_writes() {
  const std::string file = fuzz::as_file("", "sample.h5");
  write_record(test::sample_record(), file);
  return read_record(file).name == test::sample_record().name;
}

}  // namespace

SAM3LAB_FUZZ_TARGET(record) {
  static const int registered = ::pthread_atfork(nullptr, nullptr, forget_the_fuzzer);
  static const bool reads = reads_what_it_writes();
  fuzz::promise(registered == 0 && reads);
  const std::string file = fuzz::as_file(bytes);
  return fuzz::accepts([&] { (void)read_record(file); });
}
