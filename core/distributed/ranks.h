// The processes of one run, which c10d calls ranks, and what they tell each other. All of them make the same calls in the same
// order. gloo carries what is on the CPU, NCCL what is on a GPU.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/error.h>

namespace sam3lab {

// Where a process stands among those of its run, and where they meet.
struct RankPlace {
  int rank = 0, size = 1;
  int local = 0;  // among those of its machine
  std::string host;
  std::uint16_t port = 0;
  std::string file;       // on one machine: they meet in this file and not at host:port
  bool served = false;    // the store at host:port is another process's (torchrun's); else rank 0 opens it
  std::string attempt{};  // of torchrun, which may start a run again with the same store
};

// From RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torchrun sets them. Nothing where RANK and WORLD_SIZE are
// not set or WORLD_SIZE is 1. UsageError for anything else that is no place.
std::optional<RankPlace> rank_place_from_environment();

// What every call throws when another rank is gone: with that rank's error and exit code where it left them. A process that
// ends is noticed at once, by its closed connection; a machine that is gone after half an hour.
class Ranks {
 public:
  explicit Ranks(const RankPlace& place);  // waits for the others; DataError if they do not come within five minutes
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;
  [[nodiscard]] int local() const;  // number among those of its machine

  // Afterwards each tensor holds the sum over all ranks, in the same bits everywhere. float32, float64 or int64.
  void sum(const std::vector<at::Tensor>& tensors) const;
  void broadcast(const std::vector<at::Tensor>& tensors, int from) const;
  void send(const at::Tensor& tensor, int to) const;
  void receive(const at::Tensor& tensor, int from) const;
  // What each rank gave, in the order of ranks.
  [[nodiscard]] std::vector<std::string> exchange(const std::string& mine) const;
  [[nodiscard]] bool any(bool mine) const;
  void barrier() const { (void)exchange({}); }

  // Leaves for the others why this rank ends.
  void fail(const std::string& why, ExitCode code) const noexcept;

 private:
  struct Group;
  std::unique_ptr<Group> group_;
};

// Of one process alone, where there are no ranks.
inline int size_of(const Ranks* ranks) { return ranks == nullptr ? 1 : ranks->size(); }
inline int rank_of(const Ranks* ranks) { return ranks == nullptr ? 0 : ranks->rank(); }

}  // namespace sam3lab
