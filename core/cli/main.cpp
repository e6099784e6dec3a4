#include <algorithm>

#include "core/cli/program.h"

int main(int count, char** values) {
  return sam3lab::run_program(sam3lab::Arguments(values + std::min(count, 1), values + count));
}
