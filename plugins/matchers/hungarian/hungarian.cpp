#include "plugins/matchers/hungarian/binary_hungarian.h"

SAM3LAB_PLUGIN(hungarian) {
  reg.add<sam3lab::Matcher, sam3lab::matchers::hungarian::BinaryHungarian, sam3lab::matchers::hungarian::HungarianOptions>(
      "hungarian", "one object query for each target, at the least total cost of class, box distance and overlap");
}
