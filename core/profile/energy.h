// Energy in joules from the counters of the machine: RAPL for CPU and memory, NVML for an NVIDIA GPU. Both count the whole
// machine or GPU, other users included.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sam3lab {

// One RAPL domain: a counter of microjoules that wraps to 0 after `range`.
class RaplDomain {
 public:
  // If nothing can be read in `folder`, available() is false.
  explicit RaplDomain(const std::filesystem::path& folder);
  [[nodiscard]] bool available() const { return available_; }
  [[nodiscard]] const std::string& name() const { return name_; }  // "package-0", "dram"
  double take();  // joules since the last call or the constructor; NaN if the counter cannot be read any more

 private:
  std::filesystem::path counter_;
  std::string name_;
  std::uint64_t last_ = 0, range_ = 0;
  bool available_ = false;
};

// Domains that do not overlap: packages and their dram, or the platform (psys) where no package can be read.
std::vector<RaplDomain> rapl_domains(const std::filesystem::path& powercap);

class Nvml;

class EnergyMeter {
 public:
  // `gpu`: index as CUDA counts, or -1 for none. Reads the counters once. Loads the driver's library only for a GPU.
  explicit EnergyMeter(int gpu = -1, const std::filesystem::path& powercap = "/sys/class/powercap");
  EnergyMeter(EnergyMeter&&) noexcept;
  EnergyMeter& operator=(EnergyMeter&&) noexcept;
  ~EnergyMeter();

  // Joules of all counters since the last call or the constructor; NaN without counters. Call it before a counter wraps twice:
  // every 20 minutes suffices for RAPL.
  double take();
  // "RAPL package-0, dram", "not available: ..."; for the record.
  [[nodiscard]] const std::string& source() const { return source_; }

 private:
  std::vector<RaplDomain> domains_;
  std::unique_ptr<Nvml> nvml_;
  std::string source_;
};

}  // namespace sam3lab
