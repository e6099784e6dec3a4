#include "plugins/matchers/one_to_many/binary_one_to_many.h"

SAM3LAB_PLUGIN(one_to_many) {
  reg.add<sam3lab::Matcher, sam3lab::matchers::one_to_many::BinaryOneToMany, sam3lab::matchers::one_to_many::OneToManyOptions>(
      "one_to_many", "every object query whose score stands out for a target; for the auxiliary queries of training");
}
