#include "core/grid/cell_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/grid/failure.h"
#include "core/grid/rank_processes.h"
#include "core/run/run_lease.h"
#include "core/distributed/ranks.h"

namespace sam3lab {
namespace {

using nlohmann::json;

constexpr int pause_ms = 200;  // between two checks of the interruption flag

std::string answer_of(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request) {
  json answer;
  try {
    const RunOutcome outcome = run_cell(experiment, seed, registry, request);
    answer = {{"result", outcome.result.string()},
              {"weights", outcome.weights.string()},
              {"overview", outcome.overview.string()},
              {"interrupted", outcome.interrupted},
              {"earlier", outcome.earlier}};
  } catch (const RunIsHeld& held) {
    if (request.ranks != nullptr) request.ranks->fail(held.what(), held.code());
    answer = {{"error", held.what()}, {"code", static_cast<int>(held.code())}, {"held", true}};
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    if (request.ranks != nullptr) request.ranks->fail(failure.text, failure.code);
    answer = {{"error", failure.text}, {"code", static_cast<int>(failure.code)}};
  }
  return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

void send(int pipe, const std::string& answer) {
  for (std::size_t sent = 0; sent < answer.size();) {
    const ssize_t n = ::write(pipe, answer.data() + sent, answer.size() - sent);
    if (n < 0 && errno != EINTR) break;
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
}

// Several processes compute the cell, and rank 0 answers for all. It also reports the failure of another rank, for it cannot go
// on without that rank. If rank 0 is killed, nothing is sent.
void run_in_ranks(int pipe, const Experiment& experiment, std::int64_t seed, const Registry& registry,
                  const RunRequest& request) {
  static const std::atomic<bool> never{false};
  run_ranks(request.processes, request.interrupted == nullptr ? never : *request.interrupted, [&](const RankAddress& address) {
    const Ranks ranks(address);
    RunRequest mine = request;
    mine.ranks = &ranks;
    if (address.rank > 0) mine.progress = {};
    const std::string answer = answer_of(experiment, seed, registry, mine);
    if (address.rank == 0) send(pipe, answer);
    return json::parse(answer).value("code", 0);
  });
}

// The main function of the child. It ends without calling the destructors of the program, whose objects belong to the parent.
[[noreturn]] void serve_cell(int pipe, pid_t parent, const Experiment& experiment, std::int64_t seed, const Registry& registry,
                             const RunRequest& request) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // if the parent is killed, the cell saves and stops
  if (::getppid() != parent) ::_exit(1);
  std::signal(SIGPIPE, SIG_IGN);
  if (request.processes > 1) {
    try {
      run_in_ranks(pipe, experiment, seed, registry, request);
    } catch (...) {
      const Failure failure = failure_of(std::current_exception());
      send(pipe, json{{"error", failure.text}, {"code", static_cast<int>(failure.code)}}.dump(-1, ' ', false,
                                                                                              json::error_handler_t::replace));
    }
  } else {
    send(pipe, answer_of(experiment, seed, registry, request));
  }
  ::_exit(0);
}

CellReport read_answer(const std::string& text) {
  const json answer = json::parse(text);
  CellReport report;
  if (answer.contains("error")) {
    report.state = answer.value("held", false) ? CellState::held : CellState::failed;
    report.error = answer["error"].get<std::string>();
    report.code = static_cast<ExitCode>(answer["code"].get<int>());
    return report;
  }
  report.result = answer["result"].get<std::string>();
  report.weights = answer["weights"].get<std::string>();
  report.overview = answer["overview"].get<std::string>();
  report.state = answer["interrupted"].get<bool>() ? CellState::interrupted
                 : answer["earlier"].get<bool>()   ? CellState::skipped
                                                   : CellState::done;
  return report;
}

}  // namespace

std::string_view name_of(CellState state) {
  static constexpr std::array<std::string_view, 6> names = {"waiting", "done", "skipped", "failed", "interrupted", "held"};
  return names.at(static_cast<std::size_t>(state));
}

CellProcess::CellProcess(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw DataError(Fault{experiment.name, "cannot start a process", std::strerror(errno), "", ""});
  const pid_t parent = ::getpid();
  child_ = ::fork();
  if (child_ == 0) {
    ::close(ends[0]);
    serve_cell(ends[1], parent, experiment, seed, registry, request);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
  if (child_ < 0) {
    ::close(pipe_);
    throw DataError(Fault{experiment.name, "cannot start a process", std::strerror(errno), "", ""});
  }
}

CellProcess::~CellProcess() {
  if (child_ > 0) {
    ::kill(child_, SIGTERM);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (pipe_ >= 0) ::close(pipe_);
}

CellReport CellProcess::wait(const std::atomic<bool>* interrupted) {
  const auto started = std::chrono::steady_clock::now();
  bool asked = false;
  std::array<char, 4096> block{};
  while (true) {
    // A signal from the keyboard reaches both processes. A signal to this process alone is passed on.
    if (!asked && interrupted != nullptr && *interrupted) asked = ::kill(child_, SIGTERM) == 0;
    pollfd ready{pipe_, POLLIN, 0};
    if (::poll(&ready, 1, pause_ms) <= 0) continue;
    const ssize_t got = ::read(pipe_, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer_.append(block.data(), static_cast<std::size_t>(got));
  }
  return conclude(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
}

CellReport CellProcess::conclude(double seconds) {
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  CellReport report;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !answer_.empty()) {
    report = read_answer(answer_);
  } else {
    report.state = CellState::failed;
    report.code = ExitCode::numeric;
    report.error = WIFSIGNALED(status)
                       ? fmt::format("the cell's process was ended by signal {} ({}){}", WTERMSIG(status),
                                     ::strsignal(WTERMSIG(status)), WTERMSIG(status) == SIGKILL ? "; out of memory?" : "")
                       : fmt::format("the cell's process ended with {} and no answer", WEXITSTATUS(status));
  }
  report.seconds = seconds;
  return report;
}

}  // namespace sam3lab
