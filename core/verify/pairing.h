// Do the masks belong to the images they are given with? Where a mask has its edges, its own image should have some, more than
// another image of the dataset has at that place.
#pragma once
#include <vector>

#include "core/verify/findings.h"
#include "core/verify/scan.h"

namespace sam3lab {

// How much the edges and the contrast of an image follow a mask, both of the same size: the mean gradient along the mask's
// border over that of the image, plus the difference of grey inside and around it over the image's spread. 0 without content.
// Image: [H, W] uint8; mask: [H, W] bool.
double agreement(const at::Tensor& grey, const at::Tensor& mask);

// A sample of each dataset: how often does a mask fit its own image better than that of another item, elsewhere in the dataset?
// Chance alone gives a half. A warning below what 95 % of samples of a dataset would reach where seven of ten fit.
std::vector<Finding> check_pairing(const std::vector<VerifiedDataset>& datasets, std::vector<double>& shares);

}  // namespace sam3lab
