// sam3lab doctor [--json]: versions of the program and its libraries, and what it finds on this machine.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include <ATen/Parallel.h>
#include <H5public.h>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/cli/arguments.h"
#include "core/profile/cost.h"
#include "core/registry/registry.h"
#include "core/tensor/device.h"

namespace sam3lab {
namespace {

struct Finding {
  std::string name, value;
  bool good = true;
};

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  if (H5get_libversion(&major, &minor, &release) < 0) return "unknown";
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

std::vector<Finding> versions() {
  const int boost = BOOST_VERSION;
  const auto device = choose_device("auto", "doctor");
  return {
      {"sam3lab", SAM3LAB_VERSION},
      {"stamp", SAM3LAB_STAMP},
      {"LibTorch", SAM3LAB_TORCH_VERSION},
      {"HDF5", hdf5_version()},
      {"Boost", std::to_string(boost / 100000) + "." + std::to_string(boost / 100 % 1000) + "." + std::to_string(boost % 100)},
      {"CPUs", std::to_string(std::thread::hardware_concurrency())},
      {"CUDA", cuda_state()},
      {"device auto", device.text()},
      {"joules from", EnergyMeter(gpu_of(device.device)).source()},
      {"LibTorch threads", std::to_string(at::get_num_threads())}};
}

Finding plugins(const Context& context) {
  try {
    const Registry& registry = context.registry();
    std::size_t offers = 0;
    for (const LoadedPlugin& plugin : registry.plugins()) offers += plugin.offers.size();
    return {"plugins", std::to_string(registry.plugins().size()) + " files, " + std::to_string(offers) + " names"};
  } catch (const Error& error) {
    return {"plugins", error.what(), false};
  }
}

// The first of `paths` that exists; otherwise `remedy` says where to get it.
Finding found(const std::string& name, const std::vector<std::filesystem::path>& paths, const std::string& remedy) {
  for (const auto& path : paths) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return {name, path.lexically_normal().string()};
  }
  return {name, "not found; " + remedy, false};
}

std::vector<Finding> examine(const Context& context) {
  std::vector<Finding> findings = versions();
  const PluginSources sources = default_sources(context.plugin_files);
  for (const auto& folder : sources.folders) {
    std::error_code error;
    const bool there = std::filesystem::is_directory(folder, error);
    findings.push_back({"plugin folder", folder.string() + (there ? "" : " (missing)"), there});
  }
  findings.push_back(plugins(context));
  std::error_code error;
  const auto tree = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "..";
  findings.push_back(found(
      "vocabulary", {tree / ".deps/vocabulary/bpe_simple_vocab_16e6.txt.gz", ".deps/vocabulary/bpe_simple_vocab_16e6.txt.gz"},
      "scripts/setup fetches it"));
  findings.push_back(found("sample data", {tree / "data", "data"}, "scripts/quickstart fetches it"));
  return findings;
}

int run_doctor(const Context& context, const Arguments& arguments) {
  if (!parse_arguments(doctor_command, arguments, boost::program_options::options_description())) return 0;
  const std::vector<Finding> findings = examine(context);
  const bool good = std::ranges::all_of(findings, &Finding::good);
  if (context.json) {
    auto json = nlohmann::ordered_json::array();
    for (const Finding& finding : findings)
      json.push_back({{"name", finding.name}, {"value", finding.value}, {"good", finding.good}});
    std::cout << json.dump(2) << "\n";
  } else {
    for (const Finding& finding : findings) {
      std::cout << (finding.good ? "  " : "! ") << finding.name
                << std::string(18 - std::min<std::size_t>(17, finding.name.size()), ' ') << finding.value << "\n";
    }
  }
  return good ? 0 : static_cast<int>(ExitCode::usage);
}

}  // namespace

extern const Command doctor_command = {"doctor", "versions, plugin folders, and what a run needs of this machine",
                                       "doctor [--json]", run_doctor};

}  // namespace sam3lab
