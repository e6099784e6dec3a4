#include "core/run/run_lease.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/base/text.h"

namespace sam3lab {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::string first_word_of(const char* file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

// When the process started, in ticks since the machine did: with it, a process that got the number of a dead one is told apart.
std::string start_of_process(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(in, line);
  const auto name_ends = line.rfind(')');
  if (name_ends == std::string::npos) return {};
  std::istringstream rest(line.substr(name_ends + 1));
  std::string field;
  for (int i = 3; i <= 22 && rest >> field; ++i) {
  }
  return field;
}

std::string boot_id() { return first_word_of("/proc/sys/kernel/random/boot_id"); }

// "host pid start boot since": no spaces within a word.
std::string holder_line() {
  return fmt::format("{} {} {} {} {:%Y-%m-%dT%H:%M:%SZ}", host_name(), ::getpid(), start_of_process(::getpid()), boot_id(),
                     fmt::gmtime(std::chrono::system_clock::now()));
}

struct Holder {
  std::string line, host, start, boot, since;
  long pid = 0;
  std::string beat;

  [[nodiscard]] bool known() const { return !since.empty() && pid > 0; }
  [[nodiscard]] bool here() const { return host == host_name() && boot == boot_id(); }
  [[nodiscard]] bool lives_here() const { return start_of_process(static_cast<pid_t>(pid)) == start; }
  [[nodiscard]] std::string text() const {
    return known() ? fmt::format("process {} on {}, since {}", pid, shorten(host), shorten(since)) : "an unknown process";
  }
};

constexpr std::size_t most_bytes = 1024;

Holder read_holder(const OpenFile& file) {
  std::string text(most_bytes, '\0');
  const auto got = ::pread(file.descriptor(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  Holder holder;
  std::istringstream in(text);
  std::getline(in, holder.line);
  in >> holder.beat;
  std::istringstream words(holder.line);
  words >> holder.host >> holder.pid >> holder.start >> holder.boot >> holder.since;
  return holder;
}

bool names(const std::filesystem::path& path, const OpenFile& file) {
  struct stat mine {
  }, there{};
  return ::fstat(file.descriptor(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
         mine.st_dev == there.st_dev;
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& holder) {
  throw RunIsHeld(Fault{path.string(), "this run is going on", "held by " + holder, "no process that works on it",
                        "wait until it has ended; nothing of it was touched"});
}

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw DataError(Fault{path.string(), what, std::strerror(errno), "", "check the folder, its rights and the free space"});
}

// Does the counter change within `patience`? For a holder whose host is another one.
bool beats(const OpenFile& file, const Holder& holder, milliseconds patience) {
  const auto until = steady_clock::now() + patience;
  while (steady_clock::now() < until) {
    std::this_thread::sleep_for(std::min<milliseconds>(patience / 20 + milliseconds(1), milliseconds(500)));
    const auto now = read_holder(file);
    if (now.line != holder.line || now.beat != holder.beat) return true;
  }
  return false;
}

}  // namespace

RunLease::RunLease(std::filesystem::path file, LeaseTiming timing) : path_(std::move(file)), holder_(holder_line()) {
  take(timing);
  write(0);
  heart_ = std::thread([this, beat = timing.beat] { keep_alive(beat); });
}

void RunLease::take(LeaseTiming timing) {
  const auto until = steady_clock::now() + timing.release;
  while (true) {
    file_ = OpenFile(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!file_.valid()) fail(path_, "cannot create the lease of the run");
    if (::flock(file_.descriptor(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) break;  // a file system without locks: the line and the counter decide
      const auto holder = read_holder(file_);
      const bool may_be_dead = !holder.known() || (holder.here() && !holder.lives_here());
      if (!may_be_dead || steady_clock::now() > until) refuse(path_, holder.text());
      std::this_thread::sleep_for(milliseconds(20));
      continue;
    }
    if (names(path_, file_)) break;  // else its holder has just removed it
  }
  const auto holder = read_holder(file_);
  if (!holder.known()) return;
  if (holder.here() ? holder.lives_here() && holder.pid != ::getpid() : beats(file_, holder, timing.patience))
    refuse(path_, holder.text());
}

void RunLease::write(std::uint64_t beat) const {
  const auto text = fmt::format("{}\n{}\n", holder_, beat);
  if (!file_.write(text.data(), text.size(), 0) || !file_.cut(text.size())) fail(path_, "cannot write the lease of the run");
}

void RunLease::keep_alive(milliseconds beat) {
  std::unique_lock lock(mutex_);
  for (std::uint64_t count = 1; !ends_changed_.wait_for(lock, beat, [this] { return ends_; }); ++count) {
    if (read_holder(file_).line != holder_) return;  // check() says so
    const auto text = fmt::format("{}\n{}\n", holder_, count);
    (void)file_.write(text.data(), text.size(), 0);  // a full disk is the record's to report
  }
}

void RunLease::check() const {
  const auto now = read_holder(file_);
  if (now.line == holder_ && names(path_, file_)) return;
  throw DataError(Fault{path_.string(), "another process has taken over this run", now.text(), holder_,
                        "this process stood still for too long; nothing more is written, and the other one goes on"});
}

RunLease::~RunLease() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ends_changed_.notify_all();
  if (heart_.joinable()) heart_.join();
  if (read_holder(file_).line == holder_ && names(path_, file_)) ::unlink(path_.c_str());
}

}  // namespace sam3lab
