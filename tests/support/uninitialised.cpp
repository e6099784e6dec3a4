#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace {

// Memory that a test forgot to fill is often zero on one machine and something else on another: here it is NaN on all of them.
struct FillWithNaN : testing::Environment {
  void SetUp() override { at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true); }
};

const auto* const fill = testing::AddGlobalTestEnvironment(new FillWithNaN);

}  // namespace
