// FLOPs of what LibTorch computes while a counter lives, backward passes included: 2 for each multiplication with its addition
// in matrix products, convolutions and attention, from the shapes that the dispatcher sees. The rest (norms, activations,
// losses, the optimiser) is left out. Recomputed activations count again: they are computed again.
#pragma once
#include <cstdint>

namespace sam3lab {

// All threads of the process. Only one counter may live at a time. A kernel of one's own that calls no LibTorch operator
// reports itself: RECORD_FUNCTION("sam3lab::flops", std::vector<c10::IValue>{number_of_flops}).
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
