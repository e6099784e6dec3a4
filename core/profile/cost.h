// Cost of a training step: time, memory, FLOPs and energy.
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

// Index of the GPU as CUDA counts; -1 for the CPU.
int gpu_of(c10::Device device);

class CostMeter {
 public:
  explicit CostMeter(c10::Device device = c10::Device(c10::kCPU));

  void start();
  // Says what kind of work this step does. The FLOPs of the first step of a kind are counted operator by operator; later steps
  // of that kind take over its result. Call it before the forward pass. `kind` must name all that the amount of work depends
  // on; if it is empty, the step is always counted.
  void work(const std::string& kind);
  // Fills seconds, flops and joules since start(), and peak_memory_mib and device_memory_mib since the process began.
  void stop(StepRow& row);

  // The source of joules, or why there are none; for the record.
  [[nodiscard]] const std::string& energy_source() const { return energy_.source(); }

 private:
  c10::Device device_;
  EnergyMeter energy_;
  std::chrono::steady_clock::time_point started_;
  std::map<std::string, double> known_;  // kind -> FLOPs
  std::string kind_;
  std::optional<FlopCounter> counter_;
};

// The kind of work of a batch: numbers of images, queries and box prompts, and the side of the images. Targets are left out:
// they matter for losses only, which are not counted.
std::string work_of(const Batch& batch);

}  // namespace sam3lab
