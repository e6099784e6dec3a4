// FLOPs of LibTorch's operators while a counter lives, backward passes included. A multiplication with its addition counts as
// 2, in matrix products, convolutions and attention, from the shapes that the dispatcher sees. Norms, activations, losses and
// the optimiser are not counted. Recomputed activations count each time they are computed.
#pragma once
#include <cstdint>

namespace sam3lab {

// Counts in all threads of the process. Only one counter may live at a time. A kernel that calls no LibTorch operator reports
// its own FLOPs: RECORD_FUNCTION("sam3lab::flops", std::vector<c10::IValue>{number_of_flops}).
class FlopCounter {
 public:
  FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;
  ~FlopCounter();
  [[nodiscard]] double flops() const;

 private:
  std::uint64_t handle_;
};

}  // namespace sam3lab
