#include "core/run/cell_device.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/config/device_name.h"
#include "core/distributed/ranks.h"

namespace sam3lab {
namespace {

constexpr const char* where = "train.device";

[[noreturn]] void ask(int pipe, const std::string& wanted) {
  try {
    (void)choose_device(wanted, where);
  } catch (const std::exception& error) {
    const std::string text = error.what();
    ::_exit(::write(pipe, text.data(), text.size()) < 0 ? 2 : 1);
  }
  ::_exit(0);
}

std::string read_all(int pipe) {
  std::string text;
  std::array<char, 1024> block{};
  while (true) {
    const ssize_t got = ::read(pipe, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

ChosenDevice device_of_cell(const TrainOptions& train, const Ranks* ranks) {
  const bool automatic = train.device == "auto";
  if (automatic && train.replicas > 1) return {.why = fmt::format("for {} replicas side by side", train.replicas)};
  auto chosen = choose_device(train.device, where, ranks == nullptr ? std::nullopt : std::optional(ranks->local()));
  if (automatic && ranks != nullptr && ranks->any(chosen.device.is_cpu()) && !chosen.device.is_cpu())
    return {.why = "another process has no GPU of its own"};
  return chosen;
}

void refuse_missing_device(const std::string& wanted) {
  const auto name = parse_device(wanted);
  if (!name || !name->cuda) return;
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw DataError(Fault{where, "cannot start a process", std::strerror(errno), "", ""});
  const pid_t child = ::fork();
  if (child == 0) ask(ends[1], wanted);
  ::close(ends[1]);
  const auto text = child < 0 ? std::string(std::strerror(errno)) : read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text.empty()) throw Error(ExitCode::usage, text);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw UsageError(Fault{where, "asking for this device ended a process", wanted, "", "see sam3lab doctor"});
}

}  // namespace sam3lab
