#include "core/profile/cost.h"

#include <sys/resource.h>

#include <c10/core/CachingDeviceAllocator.h>
#include <fmt/format.h>
#include <torch/cuda.h>

namespace sam3lab {
namespace {

constexpr double mib = 1024.0 * 1024.0;

double peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

double device_peak_mib(c10::Device device) {
  if (!device.is_cuda()) return 0.0;
  const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(static_cast<c10::DeviceIndex>(gpu_of(device)));
  constexpr auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<double>(stats.allocated_bytes[all].peak) / mib;
}

}  // namespace

int gpu_of(c10::Device device) {
  if (!device.is_cuda()) return -1;
  return device.has_index() ? device.index() : 0;
}

CostMeter::CostMeter(c10::Device device) : device_(device), energy_(gpu_of(device)) {}

void CostMeter::start() {
  counter_.reset();  // an exception may have ended the step before
  kind_.clear();
  (void)energy_.take();
  started_ = std::chrono::steady_clock::now();
}

void CostMeter::work(const std::string& kind) {
  kind_ = kind;
  if (kind.empty() || !known_.contains(kind)) counter_.emplace();
}

void CostMeter::stop(StepRow& row) {
  if (counter_) known_[kind_] = counter_->flops();
  counter_.reset();
  if (device_.is_cuda()) torch::cuda::synchronize(gpu_of(device_));  // the GPU may still compute the update
  row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  row.joules = energy_.take();
  row.peak_memory_mib = peak_memory_mib();
  row.device_memory_mib = device_peak_mib(device_);
  const auto found = known_.find(kind_);
  row.flops = found == known_.end() ? 0.0 : found->second;
}

std::string work_of(const Batch& batch) {
  if (batch.texts.empty()) return "-";
  const auto boxes = batch.box_prompts.boxes.defined() ? batch.box_prompts.boxes.size(1) : 0;
  return fmt::format("{}x{}/{}+{} ", batch.images.size(0), batch.images.size(-1), batch.texts.size(), boxes);
}

}  // namespace sam3lab
