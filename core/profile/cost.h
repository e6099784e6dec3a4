// What a training step costs: time, memory, FLOPs and energy.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include <c10/core/Device.h>

#include <sam3lab/api/batch.h>

#include "core/record/run_record.h"
#include "core/profile/energy.h"
#include "core/profile/flops.h"

namespace sam3lab {

// As CUDA counts GPUs; -1 for the CPU.
int gpu_of(c10::Device device);

class CostMeter {
 public:
  explicit CostMeter(c10::Device device = c10::Device(c10::kCPU));

  void start();
  // The work of this step is of this kind: the first step of each kind is counted operator by operator, for later ones its
  // FLOPs are taken over. To be called before the forward pass, with all that the amount of work depends on; empty where that
  // is not known: the step is counted in any case.
  void work(const std::string& kind);
  // Fills seconds, peak_memory_mib, device_memory_mib, flops and joules, all since start() but the two peaks.
  void stop(StepRow& row);

  // Where joules come from, or why there are none; for the record.
  [[nodiscard]] const std::string& energy_source() const { return energy_.source(); }

 private:
  c10::Device device_;
  EnergyMeter energy_;
  std::chrono::steady_clock::time_point started_;
  std::map<std::string, double> known_;  // kind -> FLOPs
  std::string kind_;
  std::optional<FlopCounter> counter_;
};

// What the work of a batch depends on: images, queries, their boxes, the side. Targets only add to losses, which are not
// counted.
std::string work_of(const Batch& batch);

}  // namespace sam3lab
