// All checks of the data of an experiment. Reads every image once, some of them twice; builds no model.
#pragma once
#include <string>
#include <vector>

#include "core/config/experiment.h"
#include "core/registry/registry.h"
#include "core/verify/duplicates.h"
#include "core/verify/findings.h"
#include "core/verify/scan.h"

namespace sam3lab {

struct Verification {
  std::vector<VerifiedDataset> datasets;  // those that could be opened
  Scan scan;                              // in their order
  std::vector<double> fits;               // share of masks that fit their own image best; below 0: too few to say
  std::vector<ImagePair> leaks;
  std::vector<Finding> findings;  // errors first
  std::vector<SplitSource> sources;
  bool split = false;    // the datasets could be divided
  bool partial = false;  // --limit
  [[nodiscard]] std::int64_t count(Severity severity) const;
};

// Never throws for what is wrong with the data: that is a finding.
Verification verify_data(const Experiment& experiment, const Registry& registry, const ScanRequest& request);

}  // namespace sam3lab
