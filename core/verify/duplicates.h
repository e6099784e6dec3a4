// Images that come more than once: exactly, or as an image.
#pragma once
#include <cstdint>
#include <vector>

#include "core/verify/findings.h"
#include "core/verify/scan.h"

namespace sam3lab {

struct ImagePair {
  ImagePrint a, b;
  bool exact = true;    // equal pixels; else the same image at another size, compression or brightness
  int orientation = 0;  // of `a`, to be `b` (fingerprint.h)
};

struct Duplicates {
  std::vector<Finding> findings;
  std::vector<ImagePair> leaks;  // the first pairs across the split, for images of them
};

// Pairs of one subject are no finding: they stay on one side of the split, and slices that are neighbours look alike. Images
// without content are left out. Reads the images of near pairs again, at most `most_near` pairs as they are, and as many turned
// or mirrored.
inline constexpr std::size_t most_near = 5000;
Duplicates find_duplicates(const std::vector<VerifiedDataset>& datasets, const std::vector<ImagePrint>& prints);

}  // namespace sam3lab
