#include "core/distributed/ranks.h"

#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>
#include <cstring>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#ifdef SAM3LAB_NCCL
#include <dlfcn.h>
#endif

namespace sam3lab {
namespace {

using std::chrono::minutes;

constexpr auto join_timeout = minutes(5), call_timeout = minutes(30);
constexpr const char* failure_key = "failed";
constexpr std::int64_t bucket_bytes = std::int64_t{32} << 20;

c10::intrusive_ptr<c10d::Store> open_store(const RankAddress& address) {
  if (!address.file.empty()) return c10::make_intrusive<c10d::FileStore>(address.file, address.size);
  c10d::TCPStoreOptions options;
  options.port = address.port;
  options.isServer = address.rank == 0 && !address.served;
  options.numWorkers = static_cast<std::size_t>(address.size);
  options.waitWorkers = !address.served;
  options.timeout = join_timeout;
  const auto store = c10::make_intrusive<c10d::TCPStore>(address.host, options);
  return c10::make_intrusive<c10d::PrefixStore>("sam3lab" + address.attempt, store);
}

std::shared_ptr<gloo::transport::Device> network(const RankAddress& address) {
  if (!address.file.empty()) return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME")) {
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  }
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

c10::intrusive_ptr<c10d::Backend> open_gloo(const c10::intrusive_ptr<c10d::Store>& store, const RankAddress& address) {
  const auto options = c10d::ProcessGroupGloo::Options::create(call_timeout);
  options->devices.push_back(network(address));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, address.rank, address.size, options);
}

#ifdef SAM3LAB_NCCL
using OpenNccl = c10::intrusive_ptr<c10d::Backend> (*)(const c10::intrusive_ptr<c10d::Store>&, int, int, int);

c10::intrusive_ptr<c10d::Backend> open_nccl(const c10::intrusive_ptr<c10d::Store>& store, const RankAddress& address) {
  void* const library = dlopen(SAM3LAB_NCCL, RTLD_NOW);
  void* const symbol = library == nullptr ? nullptr : dlsym(library, "sam3lab_open_nccl");
  if (symbol == nullptr) throw DataError(Fault{SAM3LAB_NCCL, "cannot be loaded", dlerror(), "", "see sam3lab doctor"});
  return reinterpret_cast<OpenNccl>(symbol)(c10::make_intrusive<c10d::PrefixStore>("nccl", store), address.rank, address.size,
                                            address.local);
}
#endif

at::Tensor bytes_of(const at::Tensor& contiguous) {
  return at::from_blob(contiguous.data_ptr(), {static_cast<std::int64_t>(contiguous.nbytes())},
                       contiguous.options().dtype(at::kByte));
}

// A call with a small tensor costs as much as one with a large tensor. So neighbouring tensors of one type are sent together.
template <class Call>
void in_buckets(const std::vector<at::Tensor>& tensors, const Call& call) {
  const at::NoGradGuard no_grad;
  for (std::size_t begin = 0; begin < tensors.size();) {
    const auto& first = tensors[begin];
    auto bytes = static_cast<std::int64_t>(first.nbytes());
    std::size_t end = begin + 1;
    for (; end < tensors.size() && tensors[end].scalar_type() == first.scalar_type() && tensors[end].device() == first.device();
         ++end) {
      bytes += static_cast<std::int64_t>(tensors[end].nbytes());
      if (bytes > bucket_bytes) break;
    }
    if (end == begin + 1 && first.is_contiguous()) {
      call(first.detach().view(-1));
    } else {
      std::vector<at::Tensor> parts;
      for (std::size_t i = begin; i < end; ++i) parts.push_back(tensors[i].detach().reshape(-1));
      const auto flat = at::cat(parts);
      call(flat);
      std::int64_t offset = 0;
      for (std::size_t i = begin; i < end; ++i) {
        tensors[i].detach().copy_(flat.narrow(0, offset, tensors[i].numel()).view(tensors[i].sizes()));
        offset += tensors[i].numel();
      }
    }
    begin = end;
  }
}

}  // namespace

struct Ranks::Group {
  RankAddress address;
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> cpu, gpu;

  c10d::Backend& backend(const at::Tensor& tensor) {
    if (tensor.is_cpu()) return *cpu;
#ifdef SAM3LAB_NCCL
    if (!gpu) gpu = open_nccl(store, address);
    return *gpu;
#else
    throw DataError(Fault{"ranks", "this build has no NCCL for tensors on a GPU", "", "", "build with -DSAM3LAB_CUDA=ON"});
#endif
  }

  template <class Call>
  void wait(const Call& call) const {
    try {
      call()->wait();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw_lost(error.what());
    }
  }

  [[noreturn]] void throw_lost(std::string what) const {
    what = what.substr(0, what.find('\n'));
    auto code = ExitCode::numeric;
    try {
      store->setTimeout(std::chrono::seconds(5));
      if (store->check({failure_key})) {
        const auto left = store->get_to_str(failure_key);
        code = static_cast<ExitCode>(left.at(0));
        what = left.substr(1);
      }
    } catch (const std::exception&) {  // the store has ended with the rank that held it
    }
    throw Error(code, Fault{fmt::format("rank {} of {}", address.rank, address.size), "another rank ended", what, "", ""});
  }
};

Ranks::Ranks(const RankAddress& address) : group_(std::make_unique<Group>()) {
  group_->address = address;
  try {
    group_->store = open_store(address);
    group_->store->setTimeout(join_timeout);
    group_->cpu = open_gloo(group_->store, address);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw DataError(Fault{fmt::format("rank {} of {}", address.rank, address.size), "the ranks did not meet",
                          what.substr(0, what.find('\n')), "",
                          "check MASTER_ADDR and MASTER_PORT, and that every rank was started"});
  }
}

Ranks::~Ranks() = default;

int Ranks::rank() const { return group_->address.rank; }
int Ranks::size() const { return group_->address.size; }
int Ranks::local() const { return group_->address.local; }

void Ranks::sum(const std::vector<at::Tensor>& tensors) const {
  in_buckets(tensors, [this](const at::Tensor& flat) {
    std::vector<at::Tensor> one = {flat};
    group_->wait([&] { return group_->backend(flat).allreduce(one); });
  });
}

void Ranks::broadcast(const std::vector<at::Tensor>& tensors, int from) const {
  c10d::BroadcastOptions options;
  options.rootRank = from;
  in_buckets(tensors, [&](const at::Tensor& flat) {
    if (flat.numel() == 0) return;
    std::vector<at::Tensor> one = {bytes_of(flat)};
    group_->wait([&] { return group_->backend(flat).broadcast(one, options); });
  });
}

void Ranks::send(const at::Tensor& tensor, int to) const {
  const auto contiguous = tensor.contiguous();
  std::vector<at::Tensor> one = {bytes_of(contiguous)};
  group_->wait([&] { return group_->backend(tensor).send(one, to, 0); });
}

void Ranks::receive(const at::Tensor& tensor, int from) const {
  TORCH_INTERNAL_ASSERT(tensor.is_contiguous());
  std::vector<at::Tensor> one = {bytes_of(tensor)};
  group_->wait([&] { return group_->backend(tensor).recv(one, from, 0); });
}

std::vector<std::string> Ranks::exchange(const std::string& mine) const {
  const auto gather = [this](const at::Tensor& tensor) {
    std::vector<at::Tensor> in = {tensor};
    std::vector<std::vector<at::Tensor>> out(1);
    for (int r = 0; r < size(); ++r) out[0].push_back(at::zeros_like(tensor));
    group_->wait([&] { return group_->cpu->allgather(out, in); });
    return out[0];
  };
  std::int64_t longest = 1;
  std::vector<std::int64_t> lengths;
  for (const auto& length : gather(at::full({1}, static_cast<std::int64_t>(mine.size()), at::kLong))) {
    lengths.push_back(length.item<std::int64_t>());
    longest = std::max(longest, lengths.back());
  }
  const auto padded = at::zeros({longest}, at::kByte);
  std::memcpy(padded.data_ptr(), mine.data(), mine.size());
  std::vector<std::string> texts;
  for (const auto& bytes : gather(padded)) {
    texts.emplace_back(static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(lengths[texts.size()]));
  }
  return texts;
}

bool Ranks::any(bool mine) const {
  const auto count = at::full({1}, mine ? 1 : 0, at::kLong);
  sum({count});
  return count.item<std::int64_t>() > 0;
}

void Ranks::fail(const std::string& why, ExitCode code) const noexcept {
  try {
    group_->store->setTimeout(std::chrono::seconds(5));
    if (group_->store->check({failure_key})) return;  // the first failure is the cause
    group_->store->set(failure_key, std::string(1, static_cast<char>(code)) + fmt::format("rank {}: {}", rank(), why));
  } catch (const std::exception&) {  // no other rank is left
  }
}

}  // namespace sam3lab
