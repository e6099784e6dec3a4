#include "core/run/cpu_name.h"

#include <gtest/gtest.h>

namespace sam3lab::cpu_name_test {
namespace {

TEST(CpuName, IsNamedByModelAndFamily) {
  EXPECT_EQ(cpu_name("processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n"
                     "\nprocessor\t: 1\nvendor_id\t: Another\n"),
            "AMD EPYC (AuthenticAMD, family 26, model 2)");
}

TEST(CpuName, WhatIsMissingIsLeftOut) {
  EXPECT_EQ(cpu_name("model name : Some CPU"), "Some CPU");
  EXPECT_EQ(cpu_name("vendor_id : GenuineIntel\nmodel name :\n"), "(GenuineIntel)");
  EXPECT_EQ(cpu_name("CPU implementer : 0x41\nno colon\n:\n"), "unknown");
  EXPECT_EQ(cpu_name(""), "unknown");
}

TEST(CpuName, ThisOneHasAName) { EXPECT_NE(cpu_name(), ""); }

}  // namespace
}  // namespace sam3lab::cpu_name_test
