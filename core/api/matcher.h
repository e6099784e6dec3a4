// Slot `matcher`: which object query answers for which target.
#pragma once
#include <string_view>

#include <sam3lab/api/batch.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

// M matched pairs, each tensor [M] int64.
struct Matches {
  at::Tensor query;   // 0..Q-1
  at::Tensor object;  // 0..K-1
  at::Tensor target;  // index into the packed targets, 0..N-1
};

class SAM3LAB_API Matcher {
 public:
  static constexpr std::string_view slot = "matcher";
  virtual ~Matcher();
  // No gradient flows through a matching. Queries without targets have no pairs.
  [[nodiscard]] virtual Matches match(const Predictions& predictions, const Targets& targets) const = 0;
};

}  // namespace sam3lab
