// A table beside a data set's images.
#include "plugins/datasets/shared/tables/csv_file.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;
using namespace sam3lab::datasets;

SAM3LAB_FUZZ_TARGET(csv) {
  const std::string file = fuzz::as_file(bytes);
  return fuzz::accepts([&] {
    CsvFile table(file);
    std::vector<std::string> cells;
    std::size_t line = 0;
    while (table.next(cells)) {
      fuzz::promise(!cells.empty() && table.line() > line);
      line = table.line();
    }
  });
}
