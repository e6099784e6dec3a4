#include "core/profile/energy.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

namespace sam3lab {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

std::optional<std::uint64_t> read_number(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

}  // namespace

RaplDomain::RaplDomain(const std::filesystem::path& folder) : counter_(folder / "energy_uj") {
  std::getline(std::ifstream(folder / "name") >> std::ws, name_);
  const auto value = read_number(counter_), range = read_number(folder / "max_energy_range_uj");
  available_ = value && range && *range > 0;
  if (available_) last_ = *value, range_ = *range;
}

double RaplDomain::take() {
  const auto now = read_number(counter_);
  if (!now) return nothing;
  const std::uint64_t spent = *now >= last_ ? *now - last_ : *now + (range_ - std::min(last_, range_));
  last_ = *now;
  return static_cast<double>(spent) * 1e-6;
}

// A folder "intel-rapl:0" is a package or psys, "intel-rapl:0:1" is a domain of it. The energy of a package includes its cores
// and graphics unit, but not its dram.
std::vector<RaplDomain> rapl_domains(const std::filesystem::path& powercap) {
  std::vector<RaplDomain> packages, platform;
  std::error_code error;
  std::vector<std::filesystem::path> folders;
  for (auto it = std::filesystem::directory_iterator(powercap, error); !error && it != std::filesystem::directory_iterator();
       it.increment(error)) {
    if (it->path().filename().string().starts_with("intel-rapl:")) folders.push_back(it->path());
  }
  std::ranges::sort(folders);
  for (const auto& folder : folders) {
    RaplDomain domain(folder);
    if (!domain.available()) continue;
    if (domain.name().starts_with("package") || domain.name() == "dram")
      packages.push_back(std::move(domain));
    else if (domain.name() == "psys")
      platform.push_back(std::move(domain));
  }
  const bool any_package = std::ranges::any_of(packages, [](const RaplDomain& d) { return d.name() != "dram"; });
  return any_package ? packages : platform;
}

// The four functions of the driver's library that are needed. The library is loaded at run time: machines without a GPU lack
// it.
class Nvml {
 public:
  explicit Nvml(int gpu) : library_(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) return;
    const auto init = find<int()>("nvmlInit_v2");
    const auto by_index = find<int(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
    const auto by_uuid = find<int(const char*, void**)>("nvmlDeviceGetHandleByUUID");
    energy_ = find<int(void*, unsigned long long*)>("nvmlDeviceGetTotalEnergyConsumption");
    if (init == nullptr || by_index == nullptr || by_uuid == nullptr || energy_ == nullptr || init() != 0) return;
    const std::string name = visible(gpu);
    const bool is_number = !name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
    const int found = is_number ? by_index(static_cast<unsigned>(std::strtoul(name.c_str(), nullptr, 10)), &device_)
                                : by_uuid(name.c_str(), &device_);
    if (found != 0) device_ = nullptr;
    last_ = now();
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml() = default;  // the library stays loaded: CUDA may use it

  [[nodiscard]] bool available() const { return last_.has_value(); }
  double take() {
    const auto value = now();
    if (!value || !last_) return nothing;
    const double joules = static_cast<double>(*value - *last_) * 1e-3;
    last_ = value;
    return joules;
  }

 private:
  template <class Function>
  Function* find(const char* name) const {
    return reinterpret_cast<Function*>(::dlsym(library_, name));
  }
  // CUDA counts within CUDA_VISIBLE_DEVICES, which names GPUs by number or UUID; NVML counts all GPUs.
  static std::string visible(int gpu) {
    const char* list = std::getenv("CUDA_VISIBLE_DEVICES");
    if (list == nullptr || *list == '\0') return std::to_string(gpu);
    std::string rest = list;
    for (int i = 0; i < gpu; ++i) {
      const auto comma = rest.find(',');
      if (comma == std::string::npos) return "";
      rest.erase(0, comma + 1);
    }
    return rest.substr(0, rest.find(','));
  }
  [[nodiscard]] std::optional<unsigned long long> now() const {
    unsigned long long millijoules = 0;
    if (device_ == nullptr || energy_(device_, &millijoules) != 0) return std::nullopt;
    return millijoules;
  }

  void* library_ = nullptr;
  void* device_ = nullptr;
  int (*energy_)(void*, unsigned long long*) = nullptr;
  std::optional<unsigned long long> last_;
};

EnergyMeter::EnergyMeter(int gpu, const std::filesystem::path& powercap) : domains_(rapl_domains(powercap)) {
  for (const RaplDomain& domain : domains_) source_ += (source_.empty() ? "RAPL " : ", ") + domain.name();
  if (gpu >= 0) {
    nvml_ = std::make_unique<Nvml>(gpu);
    if (!nvml_->available()) nvml_.reset();
    source_ += (source_.empty() ? "" : "; ") + std::string(nvml_ ? "NVML" : "the GPU's joules not available");
  }
  if (domains_.empty())
    source_ = nvml_ ? "NVML; CPU and memory not available" : "not available: no counter of RAPL can be read";
}
EnergyMeter::EnergyMeter(EnergyMeter&&) noexcept = default;
EnergyMeter& EnergyMeter::operator=(EnergyMeter&&) noexcept = default;
EnergyMeter::~EnergyMeter() = default;

double EnergyMeter::take() {
  if (domains_.empty() && !nvml_) return nothing;
  double joules = nvml_ ? nvml_->take() : 0.0;
  for (RaplDomain& domain : domains_) joules += domain.take();
  return joules;
}

}  // namespace sam3lab
