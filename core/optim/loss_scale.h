// Factor of the loss under float16, whose smallest gradients would be 0 without it (Micikevicius et al. 2018, section 3.2); the
// rule is that of torch.amp.GradScaler: halved where a gradient overflows, doubled after so many steps without.
#pragma once
#include <cstdint>

namespace sam3lab {

class LossScale {
 public:
  // Off: the factor is 1 and stays so.
  LossScale(bool on, double first, std::int64_t interval) : on_(on), factor_(on ? first : 1.0), interval_(interval) {}
  [[nodiscard]] bool on() const { return on_; }
  [[nodiscard]] double factor() const { return factor_; }
  [[nodiscard]] std::int64_t good_steps() const { return good_; }
  void restore(double factor, std::int64_t good_steps) {
    factor_ = factor;
    good_ = good_steps;
  }
  void grew() {
    if (!on_ || ++good_ < interval_) return;
    factor_ *= 2.0;
    good_ = 0;
  }
  // false: the factor is below 1 by now, so overflow is not what is wrong.
  bool overflowed() {
    factor_ /= 2.0;
    good_ = 0;
    return factor_ >= 1.0;
  }

 private:
  bool on_;
  double factor_;
  std::int64_t interval_, good_ = 0;
};

}  // namespace sam3lab
