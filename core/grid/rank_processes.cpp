#include "core/grid/rank_processes.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include "core/grid/failure.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto pause = std::chrono::milliseconds(100);
constexpr auto grace = std::chrono::seconds(20);  // time for ranks to report the loss of another rank themselves
constexpr std::int64_t tail_bytes = 4096;

constexpr int interrupted_code = static_cast<int>(ExitCode::interrupted);

// A temporary folder for the file in which the ranks meet.
class Meeting {
 public:
  Meeting() {
    auto pattern = (fs::temp_directory_path() / "sam3lab-ranks-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw DataError(Fault{pattern, "cannot be made", std::strerror(errno), "a folder for temporary files", "set TMPDIR"});
    folder_ = pattern;
  }
  ~Meeting() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;
  [[nodiscard]] std::string file() const { return (folder_ / "store").string(); }

 private:
  fs::path folder_;
};

struct Process {
  pid_t id = -1;
  std::FILE* log = nullptr;  // receives its standard error; null for rank 0
  int status = 0;
  bool ended = false;

  [[nodiscard]] int code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(ExitCode::numeric); }
  [[nodiscard]] bool failed() const { return ended && code() != 0 && code() != interrupted_code; }
  [[nodiscard]] std::string how() const {
    if (WIFEXITED(status)) return fmt::format("ended with {}", WEXITSTATUS(status));
    return fmt::format("was ended by signal {} ({}){}", WTERMSIG(status), ::strsignal(WTERMSIG(status)),
                       WTERMSIG(status) == SIGKILL ? "; out of memory?" : "");
  }
  [[nodiscard]] std::string last_words() const {
    if (log == nullptr) return "";
    std::fseek(log, 0, SEEK_END);
    std::fseek(log, std::max<std::int64_t>(0, std::ftell(log) - tail_bytes), SEEK_SET);
    std::string text(tail_bytes, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), log));
    return text;
  }
};

// The main function of the child. It ends without calling the destructors of the program, whose objects belong to the parent.
[[noreturn]] void serve_rank(pid_t parent, std::FILE* log, const RankAddress& address,
                             const std::function<int(const RankAddress&)>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // if the parent is killed, the ranks save and stop
  if (::getppid() != parent) ::_exit(1);
  if (log != nullptr) {
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(::fileno(log), STDERR_FILENO);
  }
  int code = 0;
  try {
    code = body(address);
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    std::cout.flush();
    std::cerr << failure.text << "\n";
    code = static_cast<int>(failure.code);
  }
  std::cout.flush();
  std::cerr.flush();
  ::_exit(code);
}

class Family {
 public:
  Family(int size, const std::function<int(const RankAddress&)>& body) {
    std::cout.flush();
    const pid_t parent = ::getpid();
    for (int rank = 0; rank < size; ++rank) {
      auto& process = processes_.emplace_back();
      if (rank > 0) process.log = std::tmpfile();
      const RankAddress address{rank, size, rank, "", 0, meeting_.file()};
      process.id = rank > 0 && process.log == nullptr ? -1 : ::fork();
      if (process.id == 0) serve_rank(parent, process.log, address, body);
      if (process.id < 0) {
        process.ended = true;
        throw DataError(Fault{fmt::format("rank {}", rank), "cannot start a process", std::strerror(errno), "", ""});
      }
    }
  }
  ~Family() {
    signal(SIGKILL);
    for (auto& process : processes_) {
      while (!process.ended && ::waitpid(process.id, nullptr, 0) < 0 && errno == EINTR) {
      }
      if (process.log != nullptr) std::fclose(process.log);
    }
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  int wait(const std::atomic<bool>& interrupted) {
    bool asked = false, killed = false;
    while (alive()) {
      if (interrupted && !asked) {
        signal(SIGTERM);
        asked = true;
      }
      reap();
      if (failed_ && !killed && Clock::now() - failed_at_ > grace) {
        signal(SIGKILL);
        killed = true;
      }
      std::this_thread::sleep_for(pause);
    }
    if (!failed_) return processes_.front().code();
    const auto& process = processes_[*failed_];
    const bool heard = process.log == nullptr && WIFEXITED(process.status);  // rank 0 has reported the error itself
    if (!heard)
      std::cerr << fmt::format("rank {} of {} {}\n{}", *failed_, processes_.size(), process.how(), process.last_words());
    return process.code();
  }

 private:
  [[nodiscard]] bool alive() const {
    for (const auto& process : processes_) {
      if (!process.ended) return true;
    }
    return false;
  }
  void signal(int number) const {
    for (const auto& process : processes_) {
      if (!process.ended) ::kill(process.id, number);
    }
  }
  // If several ended since the last check, one that was killed is the cause of the others.
  void reap() {
    const bool first = !failed_;
    for (std::size_t r = 0; r < processes_.size(); ++r) {
      auto& process = processes_[r];
      if (process.ended || ::waitpid(process.id, &process.status, WNOHANG) != process.id) continue;
      process.ended = true;
      if (!first || !process.failed() || (failed_ && WIFEXITED(process.status))) continue;
      failed_ = r;
      failed_at_ = Clock::now();
    }
  }

  Meeting meeting_;
  std::vector<Process> processes_;
  std::optional<std::size_t> failed_;
  Clock::time_point failed_at_;
};

}  // namespace

int run_ranks(int size, const std::atomic<bool>& interrupted, const std::function<int(const RankAddress&)>& body) {
  return Family(size, body).wait(interrupted);
}

}  // namespace sam3lab
