// Loss scaling under float16, where small gradients would become 0 (Micikevicius et al. 2018, section 3.2). The rule is that of
// torch.amp.GradScaler: the factor is halved when a gradient overflows, and doubled after `interval` steps without overflow.
#pragma once
#include <cstdint>

namespace sam3lab {

class LossScale {
 public:
  // If `on` is false, the factor is always 1.
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
  // Returns false if the factor is below 1 afterwards: then gradients are not finite for another reason than overflow.
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
