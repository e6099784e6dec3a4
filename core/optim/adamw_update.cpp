#include "core/optim/adamw_update.h"

#include "core/optim/adamw_element.h"

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define SAM3LAB_EVERY_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SAM3LAB_EVERY_CPU
#endif

namespace sam3lab {

SAM3LAB_EVERY_CPU void adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment,
                                      std::uint16_t* second_moment, std::int64_t first, std::int64_t count,
                                      const AdamWStep& step) {
  const AdamWStep s = step;
  const float unroot = 1.0F / s.root_second;
  const auto start = static_cast<std::uint32_t>(first);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) {
    adamw::update(parameter[i], gradient[i], first_moment[i], second_moment[i], start + static_cast<std::uint32_t>(i), unroot,
                  s);
  }
}

}  // namespace sam3lab
