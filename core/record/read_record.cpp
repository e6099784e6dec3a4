// HDF5 1.10 crashes on about one in twenty-five files with a few changed bytes, and on crafted ones at will. So a child process
// with limited memory and time reads the file, and sends what it found through a pipe.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <sam3lab/api/error.h>

#include "core/record/pack.h"
#include "core/record/parse_record.h"
#include "core/record/sealed_file.h"

namespace sam3lab {
namespace {

constexpr rlim_t most_memory = rlim_t{4} << 30;  // bytes, beyond what the program holds anyway
constexpr rlim_t most_seconds = 10;              // of processor time, and one more for every
constexpr rlim_t bytes_a_second = 16 << 20;      // so many bytes of the file: a damaged one can make HDF5 go round for ever
constexpr std::size_t most_bytes = std::size_t{4} << 30;
constexpr char is_record = 'R', is_error = 'E';

void limit(decltype(RLIMIT_CPU) what, rlim_t most) {
  rlimit limits{};
  ::getrlimit(what, &limits);
  limits.rlim_cur = std::min(most, limits.rlim_max);
  ::setrlimit(what, &limits);
}

rlim_t memory_in_use() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

void send(int pipe, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::write(pipe, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string answer_to(const std::string& bytes, const std::string& name) {
  try {
    RunRecord record = parse_record(bytes, name);
    Pack pack;
    pack(record);
    return is_record + pack.bytes();
  } catch (const DataError& error) {
    return is_error + std::string(error.what());
  } catch (const std::exception&) {
    return is_error + name + ": needs more memory than a result may";
  }
}

// The child's whole life. What a dying HDF5 or C library prints is of no use to the user.
[[noreturn]] void serve(int pipe, const std::string& bytes, const std::string& name) {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, most_seconds + bytes.size() / bytes_a_second);
  limit(RLIMIT_AS, memory_in_use() + most_memory);
  send(pipe, answer_to(bytes, name));
  ::_exit(0);
}

std::string receive(int pipe) {
  std::string bytes;
  std::array<char, 1 << 16> block{};
  while (bytes.size() < most_bytes) {
    const ssize_t got = ::read(pipe, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw DataError(Fault{name, what, "", "a result of sam3lab", "remove it and run again"});
}

// What a child process answers; refused if it dies before its answer is complete.
std::string ask_child(const std::string& bytes, const std::string& name) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(name, std::string("cannot be read: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child == 0) serve(ends[1], bytes, name);
  ::close(ends[1]);
  std::string answer = child > 0 ? receive(ends[0]) : "";
  ::close(ends[0]);
  if (child < 0) fail(name, std::string("cannot be read: ") + std::strerror(errno));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || answer.empty()) fail(name, "damaged: HDF5 does not survive reading it");
  return answer;
}

}  // namespace

RunRecord read_record(const std::filesystem::path& file) {
  const std::string answer = ask_child(read_sealed(file), file.string());
  if (answer.front() != is_record) throw DataError(Fault{answer.substr(1), "", "", "", ""});
  RunRecord record;
  Unpack unpack(std::string_view(answer).substr(1));
  unpack(record);
  return record;
}

}  // namespace sam3lab
