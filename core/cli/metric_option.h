// Option --metric of the commands that show scores: which metric stands first.
#pragma once
#include <set>
#include <string>

#include <boost/program_options.hpp>

namespace sam3lab {

// A run that does not score it is shown by its first metric by name.
inline constexpr const char* default_metric = "dice";

// UsageError if `metric` is none of `names`.
void check_metric(const std::string& metric, const std::set<std::string>& names);
// The option's value. UsageError if it was given and is none of `names`.
std::string chosen_metric(const boost::program_options::variables_map& values, const std::set<std::string>& names);

}  // namespace sam3lab
