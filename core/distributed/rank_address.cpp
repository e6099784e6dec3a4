#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "core/distributed/ranks.h"

namespace sam3lab {
namespace {

class Environment {
 public:
  static bool has(const char* name) { return std::getenv(name) != nullptr; }
  static std::string text(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  }
  int number(const char* name, int least, int most) {
    const auto value = text(name);
    int number = least;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size() && number >= least && number <= most) return number;
    refuse(name, value.empty() ? "nothing" : value, fmt::format("a whole number from {} to {}", least, most));
    return least;
  }
  void refuse(const char* name, const std::string& got, const std::string& expected) {
    faults_.push_back({fmt::format("environment variable {}", name), "does not say where this process stands among the ranks",
                       got, expected, "set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT as torchrun does, or unset them all"});
  }
  void check() const {
    if (!faults_.empty()) throw UsageError(faults_);
  }

 private:
  std::vector<Fault> faults_;
};

}  // namespace

std::optional<RankAddress> rank_address_from_environment() {
  Environment environment;
  if (!Environment::has("RANK") && !Environment::has("WORLD_SIZE")) return std::nullopt;
  RankAddress address;
  address.size = environment.number("WORLD_SIZE", 1, 65536);
  address.rank = environment.number("RANK", 0, Environment::has("WORLD_SIZE") ? address.size - 1 : 65535);
  if (Environment::has("LOCAL_RANK")) address.local = environment.number("LOCAL_RANK", 0, 1023);
  environment.check();
  if (address.size == 1) return std::nullopt;
  address.host = Environment::text("MASTER_ADDR");
  if (address.host.empty()) environment.refuse("MASTER_ADDR", "nothing", "the machine of rank 0");
  address.port = static_cast<std::uint16_t>(environment.number("MASTER_PORT", 1, 65535));
  environment.check();
  address.served = Environment::text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  address.attempt = Environment::text("TORCHELASTIC_RESTART_COUNT");
  return address;
}

}  // namespace sam3lab
