#include "core/tensor/own_process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

namespace sam3lab {
namespace {

constexpr char is_answer = 'A', is_error = 'E', is_end = '.';

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

void send_answer(int pipe, const OwnProcess& process, const std::function<std::string()>& work) {
  char kind = is_error;
  std::string text;
  try {
    text = work();
    kind = is_answer;
  } catch (const DataError& error) {
    text = error.what();
  } catch (const std::exception&) {
    text = process.name + ": needs more memory than such a file may";
  }
  // The size goes first, so that the reader allocates memory once.
  const std::uint64_t size = text.size();
  std::array<char, sizeof size> head{};
  std::memcpy(head.data(), &size, sizeof size);
  send(pipe, {&kind, 1});
  send(pipe, {head.data(), head.size()});
  send(pipe, text);
  send(pipe, {&is_end, 1});
}

// The main function of the child. Its output is discarded: what a crashing library prints does not help the user.
[[noreturn]] void serve(int pipe, const OwnProcess& process, const std::function<std::string()>& work) {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, process.seconds);
  limit(RLIMIT_AS, memory_in_use() + process.memory);
  send_answer(pipe, process, work);
  ::_exit(0);
}

bool receive(int pipe, char* out, std::size_t count) {
  while (count > 0) {
    const ssize_t got = ::read(pipe, out, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

// Reads the child's answer; empty if the child ended before it was complete.
std::string receive_answer(int pipe, std::uint64_t most) {
  std::array<char, 1 + sizeof(std::uint64_t)> head{};
  std::uint64_t size = 0;
  if (!receive(pipe, head.data(), head.size())) return "";
  std::memcpy(&size, head.data() + 1, sizeof size);
  if (size > most) return "";
  // Memory for the whole answer is reserved, but only received bytes count: the size that a crashing child sends may be wrong.
  constexpr std::uint64_t block = std::uint64_t{16} << 20;
  std::string answer(1, head[0]);
  answer.reserve(size + 2);
  for (std::uint64_t left = size + 1; left > 0;) {
    const auto part = std::min(left, block);
    answer.resize(answer.size() + part);
    if (!receive(pipe, answer.data() + answer.size() - part, part)) return "";
    left -= part;
  }
  if (answer.back() != is_end) return "";
  answer.pop_back();
  return answer;
}

}  // namespace

std::string in_own_process(const OwnProcess& process, const std::function<std::string()>& work) {
  const auto failed = [&process](const std::string& what) {
    return DataError(Fault{process.name, what, "", process.expected, process.fix});
  };
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw failed(std::string("cannot be read: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child == 0) serve(ends[1], process, work);
  const int error = errno;
  ::close(ends[1]);
  std::string answer = child > 0 ? receive_answer(ends[0], process.memory) : "";
  ::close(ends[0]);
  if (child < 0) throw failed(std::string("cannot be read: ") + std::strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || answer.empty())
    throw failed("damaged: " + process.library + " does not survive reading it");
  const bool found = answer.front() == is_answer;
  answer.erase(0, 1);
  if (!found) throw DataError(Fault{answer, "", "", "", ""});
  return answer;
}

}  // namespace sam3lab
