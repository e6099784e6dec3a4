// What `cache` of the datasets of volumes saves: CPU seconds to open a folder of cases and to draw slices at random, without
// the cache, while it fills, and with it. Use: volume_loading FOLDER [CASES [DRAWS]]; FOLDER is made, and stays.
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/image.h>

#include "plugins/datasets/volume_folder/case_slices.h"

namespace sam3lab::volume_loading_bench {
using namespace datasets::volume_folder;
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t side = 256, slices = 100;

Volume volume_of(const at::Tensor& voxels) {
  Volume volume;
  volume.voxels = voxels;
  volume.affine = {{{-0.8, 0, 0, 0}, {0, -0.8, 0, 0}, {0, 0, 2.5, 0}}};
  volume.spacing_mm = {0.8, 0.8, 2.5};
  return volume;
}

// A body of ellipses with the noise of a CT, whose least bits gzip cannot shorten; labels are their insides.
void make_case(const fs::path& folder, std::int64_t number) {
  const auto name = fmt::format("case_{:03}.nii.gz", number);
  if (fs::exists(folder / "labels" / name)) return;
  torch::manual_seed(number);
  const auto axis = [](std::int64_t length, std::vector<std::int64_t> shape) {
    return torch::linspace(-1, 1, length).view(shape);
  };
  const auto x = axis(side, {-1, 1, 1}), y = axis(side, {1, -1, 1}), z = axis(slices, {1, 1, -1});
  auto image = torch::full({side, side, slices}, -1000.0);
  auto labels = torch::zeros({side, side, slices}, torch::kUInt8);
  image.masked_fill_(((x * x) / 0.8 + (y * y) / 0.5 + 0 * z).lt(1), 40.0);
  for (int organ = 1; organ <= 5; ++organ) {
    const auto place = torch::rand({3}) - 0.5, radius = 0.1 + 0.2 * torch::rand({3});
    const auto inside =
        (((x - place[0]) / radius[0]).square() + ((y - place[1]) / radius[1]).square() + ((z - place[2]) / radius[2]).square())
            .lt(1);
    image.masked_fill_(inside, 40.0 + 25 * organ);
    labels.masked_fill_(inside, organ);
  }
  image = (image + 20 * torch::randn(image.sizes())).round().clamp(-1024, 3000).to(torch::kInt16);
  write_volume(folder / "images" / name, volume_of(image));
  write_volume(folder / "labels" / name, volume_of(labels));
}

class Watch {
 public:
  [[nodiscard]] std::string text() const {
    return fmt::format("cpu {:.2f} s, wall {:.2f} s", cpu() - cpu_,
                       std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count());
  }

 private:
  static double cpu() {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(use.ru_utime) + seconds(use.ru_stime);
  }
  double cpu_ = cpu();
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
};

void measure(const std::string& what, const VolumeFolderOptions& options, std::int64_t draws) {
  const Watch opening;
  const CaseSlices data(options);
  const auto size = data.size();
  fmt::print("{}: open ({} slices): {}\n", what, size, opening.text());
  std::mt19937_64 random(1);
  const Watch drawing;
  for (std::int64_t i = 0; i < draws; ++i) {
    static_cast<void>(data.load(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(size))));
  }
  const auto& counts = data.store().counts();
  fmt::print("{}: {} draws: {}; cases decoded {}, found {}; label volumes decoded {}, found {}; files hashed {}\n", what, draws,
             drawing.text(), counts.decoded.load(), counts.found.load(), counts.indexed.load(), counts.index_found.load(),
             data.store().files_hashed());
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  if (argc < 2) return fmt::print(stderr, "use: {} FOLDER [CASES [DRAWS]]\n", argv[0]), 2;
  const fs::path folder = argv[1];
  const std::int64_t cases = argc > 2 ? std::stoll(argv[2]) : 30, draws = argc > 3 ? std::stoll(argv[3]) : 200;
  fs::create_directories(folder / "images");
  fs::create_directories(folder / "labels");
  for (std::int64_t i = 0; i < cases; ++i) make_case(folder, i);
  std::ofstream(folder / "table.toml") << "\"liver\" = [1]\n\"spleen\" = [2]\n\"kidney\" = [3, 4]\n\"aorta\" = [5]\n";
  VolumeFolderOptions options;
  options.root = folder.string();
  options.images = {"images/{case}.nii.gz"};
  options.masks = {"labels/{case}.nii.gz"};
  options.table = (folder / "table.toml").string();
  options.window = "ct_soft";
  options.keep_empty = false;
  measure("no cache", options, draws);
  options.cache = (folder / "cache").string();
  fs::remove_all(options.cache);
  measure("empty cache", options, draws);
  measure("filled cache", options, draws);
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(options.cache)) bytes += entry.file_size();
  fmt::print("cache: {:.0f} MB\n", static_cast<double>(bytes) * 1e-6);
  return 0;
}

}  // namespace
}  // namespace sam3lab::volume_loading_bench

int main(int argc, char** argv) { return sam3lab::datasets::run(argc, argv); }
