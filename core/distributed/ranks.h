// The processes of one run (ranks) and their communication by LibTorch's c10d. All ranks must make the same calls in the same
// order. gloo transfers tensors on the CPU, NCCL those on a GPU.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/error.h>

namespace sam3lab {

// The number of a process among the ranks of its run, and the address at which the ranks meet.
struct RankAddress {
  int rank = 0, size = 1;
  int local = 0;  // number among the ranks of this machine
  std::string host;
  std::uint16_t port = 0;
  std::string file;       // on one machine: the ranks meet in this file and not at host:port
  bool served = false;    // another process (torchrun) opens the store at host:port; otherwise rank 0 opens it
  std::string attempt{};  // number of torchrun's attempt: it may restart a run with the same store
};

// From RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torchrun sets them. Empty if RANK and WORLD_SIZE are not
// set or WORLD_SIZE is 1. UsageError for any other values that are no address.
std::optional<RankAddress> rank_address_from_environment();

// Each call throws an Error if another rank has ended; the error has that rank's text and exit code where it left them. A rank
// whose process ends is noticed at once, because its connection closes. A machine that fails is noticed after half an hour.
class Ranks {
 public:
  explicit Ranks(const RankAddress& address);  // waits for the others; DataError if they do not come within five minutes
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;
  [[nodiscard]] int local() const;  // number among the ranks of this machine

  // Replaces each tensor by its sum over all ranks. All ranks get the same bits. float32, float64 or int64.
  void sum(const std::vector<at::Tensor>& tensors) const;
  void broadcast(const std::vector<at::Tensor>& tensors, int from) const;
  void send(const at::Tensor& tensor, int to) const;
  void receive(const at::Tensor& tensor, int from) const;
  // Returns the text `mine` of each rank, in the order of ranks.
  [[nodiscard]] std::vector<std::string> exchange(const std::string& mine) const;
  [[nodiscard]] bool any(bool mine) const;
  void barrier() const { (void)exchange({}); }

  // Tells the other ranks why this one ends.
  void fail(const std::string& why, ExitCode code) const noexcept;

 private:
  struct Group;
  std::unique_ptr<Group> group_;
};

// Without ranks (null): size 1, rank 0.
inline int size_of(const Ranks* ranks) { return ranks == nullptr ? 1 : ranks->size(); }
inline int rank_of(const Ranks* ranks) { return ranks == nullptr ? 0 : ranks->rank(); }

}  // namespace sam3lab
