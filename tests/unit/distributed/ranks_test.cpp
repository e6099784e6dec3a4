// Ranks as threads of one process, each with a group of its own, which meet in a file.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "core/eval/gather_scores.h"
#include "core/optim/adamw.h"
#include "core/distributed/rank_step.h"
#include "core/distributed/ranks.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::ranks_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

void as_ranks(int size, const std::function<void(const Ranks&)>& body) {
  // c10d's recorder of calls is one for the whole process and enters a group's first call without a lock: with a group in each
  // thread it crashes. A run has one group a process.
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", 1);
  const test::TempFolder folder;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const Ranks ranks(RankAddress{rank, size, rank, "", 0, folder / "store"});
      body(ranks);
    });
  }
  for (auto& thread : threads) thread.join();
}

at::Tensor numbers(std::vector<std::int64_t> shape, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, at::kFloat);
}

std::vector<ParameterGroup> two_groups() {
  std::vector<ParameterGroup> groups(2);
  groups[0].learning_rate = 1e-2;
  groups[1].learning_rate = 3e-3;
  groups[1].weight_decay = 0.1;
  std::uint64_t seed = 0;
  for (const auto& [group, name, side] : std::vector<std::tuple<int, std::string, std::int64_t>>{
           {0, "a", 7}, {0, "b", 40}, {1, "c", 33}, {1, "d", 5}, {1, "e", 21}, {1, "untouched", 4}}) {
    groups[static_cast<std::size_t>(group)].parameters.emplace_back(name, numbers({side, side}, ++seed).requires_grad_(true));
  }
  return groups;
}

// Of rank `rank` in `step`; "d" has one in rank 1 alone, "untouched" nowhere.
void give_gradients(const std::vector<ParameterGroup>& groups, int rank, int step) {
  std::uint64_t seed = 1000 * static_cast<std::uint64_t>(step) + 100 * static_cast<std::uint64_t>(rank);
  for (const auto& group : groups) {
    for (const auto& [name, parameter] : group.parameters) {
      ++seed;
      if (name == "untouched" || (name == "d" && rank == 0)) continue;
      parameter.mutable_grad() = numbers(parameter.sizes().vec(), seed);
    }
  }
}

TEST(Ranks, SumBroadcastSendAndExchange) {
  as_ranks(3, [](const Ranks& ranks) {
    const auto r = static_cast<double>(ranks.rank());
    const auto small = at::full({2, 3}, r, at::kFloat), scalar = at::full({}, r, at::kFloat);
    const auto strided = at::full({4, 5}, r, at::kFloat).t(), large = at::full({9000000}, r + 1, at::kFloat);
    const auto whole = at::full({2}, ranks.rank(), at::kLong);
    ranks.sum({small, scalar, strided, large, whole});
    for (const auto& tensor : {small, scalar, strided}) EXPECT_TRUE(tensor.eq(3.0).all().item<bool>());
    EXPECT_TRUE(large.eq(6.0).all().item<bool>());
    EXPECT_TRUE(whole.eq(3).all().item<bool>());

    const auto half = at::full({3}, r, at::kBFloat16), line = at::full({4, 2}, r, at::kFloat).t();
    ranks.broadcast({half, line, at::zeros({0})}, 2);
    EXPECT_TRUE(half.eq(2.0).all().item<bool>());
    EXPECT_TRUE(line.eq(2.0).all().item<bool>());

    if (ranks.rank() == 1) ranks.send(at::arange(6).view({2, 3}).t(), 0);
    if (ranks.rank() == 0) {
      const auto address = at::zeros({3, 2}, at::kLong);
      ranks.receive(address, 1);
      EXPECT_TRUE(address.equal(at::arange(6).view({2, 3}).t()));
    }

    const auto texts = ranks.exchange(std::string(static_cast<std::size_t>(ranks.rank()), 'x'));
    EXPECT_EQ(texts, (std::vector<std::string>{"", "x", "xx"}));
    EXPECT_TRUE(ranks.any(ranks.rank() == 1));
    EXPECT_FALSE(ranks.any(false));
  });
}

TEST(Ranks, OneThatEndsTellsTheOthersWhy) {
  as_ranks(2, [](const Ranks& ranks) {
    ranks.barrier();
    if (ranks.rank() == 1) {
      ranks.fail("image.png: is no image", ExitCode::data);
      return;
    }
    try {
      (void)ranks.exchange("never answered");
      ADD_FAILURE() << "the other rank was gone";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      EXPECT_THAT(error.what(), HasSubstr("rank 1: image.png: is no image"));
    }
  });
}

TEST(Ranks, SumOfGradientsReachesParametersThatHadThemElsewhere) {
  as_ranks(2, [](const Ranks& ranks) {
    const auto groups = two_groups();
    give_gradients(groups, ranks.rank(), 1);
    sum_gradients(ranks, groups);
    auto first = two_groups(), second = two_groups();
    give_gradients(first, 0, 1);
    give_gradients(second, 1, 1);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (std::size_t i = 0; i < groups[g].parameters.size(); ++i) {
        const auto& [name, parameter] = groups[g].parameters[i];
        const auto& a = first[g].parameters[i].second.grad();
        const auto& b = second[g].parameters[i].second.grad();
        if (name == "untouched") {
          EXPECT_FALSE(parameter.grad().defined());
        } else {
          EXPECT_TRUE(parameter.grad().equal(a.defined() ? a + b : b)) << name;
        }
      }
    }
  });
}

TEST(Ranks, LossesAndTermsAreSummedInTheSameBits) {
  std::vector<double> losses(3);
  as_ranks(3, [&](const Ranks& ranks) {
    StepRow row;
    row.loss = 0.1 * (ranks.rank() + 1);
    if (ranks.rank() > 0) row.terms["late"] = ranks.rank();
    sum_row(ranks, row);
    losses[static_cast<std::size_t>(ranks.rank())] = row.loss;
    EXPECT_EQ(row.terms, (std::map<std::string, double>{{"late", 3.0}}));
    row.loss = ranks.rank() == 1 ? std::numeric_limits<double>::quiet_NaN() : 1.0;
    sum_row(ranks, row);
    EXPECT_TRUE(std::isnan(row.loss));
  });
  EXPECT_NEAR(losses[0], 0.6, 1e-15);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
}

class ShardedMoments : public ::testing::TestWithParam<bool> {};

TEST_P(ShardedMoments, GiveTheWeightsAndTheStateOfOneProcess) {
  constexpr int size = 3, steps = 4;
  const AdamWOptions options{0.9, 0.999, 1e-8, GetParam()};
  const auto expected = two_groups();
  AdamW whole(expected, options);
  for (int step = 0; step < steps; ++step) {
    std::vector<std::vector<ParameterGroup>> parts;
    for (int r = 0; r < size; ++r) give_gradients(parts.emplace_back(two_groups()), r, step);
    as_ranks(size, [&](const Ranks& ranks) { sum_gradients(ranks, parts[static_cast<std::size_t>(ranks.rank())]); });
    for (std::size_t g = 0; g < expected.size(); ++g) {
      for (std::size_t i = 0; i < expected[g].parameters.size(); ++i)
        expected[g].parameters[i].second.mutable_grad() = parts[0][g].parameters[i].second.grad();
    }
    whole.clip(0.5);
    whole.step(1.0);
    whole.clear_gradients();
  }
  const auto state = whole.state();

  std::vector<std::size_t> kept(size);
  as_ranks(size, [&](const Ranks& ranks) {
    const auto groups = two_groups();
    const OptimizerShards owners(ranks, groups);
    AdamW optimiser(groups, options, [&](std::size_t g, std::size_t i) { return owners.here(g, i); });
    for (int step = 0; step < steps; ++step) {
      give_gradients(groups, ranks.rank(), step);
      sum_gradients(ranks, groups);
      optimiser.clip(0.5);
      optimiser.step(1.0);
      owners.broadcast_updated(groups);
      optimiser.clear_gradients();
    }
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (std::size_t i = 0; i < groups[g].parameters.size(); ++i)
        EXPECT_TRUE(groups[g].parameters[i].second.equal(expected[g].parameters[i].second)) << groups[g].parameters[i].first;
    }
    kept[static_cast<std::size_t>(ranks.rank())] = optimiser.state().size();
    const auto collected = owners.collect(groups, optimiser.state());
    if (ranks.rank() > 0) return;
    ASSERT_EQ(collected.size(), state.size());
    for (const auto& [name, tensor] : state) EXPECT_TRUE(collected.at(name).equal(tensor)) << name;
    optimiser.restore(collected);  // of a run with other shares
  });
  EXPECT_EQ(kept[0] + kept[1] + kept[2], state.size());
  for (const auto of_rank : kept) EXPECT_LT(of_rank, state.size());
}

INSTANTIATE_TEST_SUITE_P(, ShardedMoments, ::testing::Values(false, true),
                         [](const auto& given) { return given.param ? "Half" : "Exact"; });

TEST(Ranks, ScoresComeTogetherInTheOrderOfTheItems) {
  const auto row = [](std::size_t item, double dice) {
    ScoreRow scored{"after", "item " + std::to_string(item), "lung", "left lung", true, 0.25, true, 12, 34, {}};
    scored.metrics["dice"] = dice;
    scored.subject = "patient " + std::to_string(item);
    if (item > 0) scored.slice_position = static_cast<double>(item);
    return scored;
  };
  as_ranks(2, [&](const Ranks& ranks) {
    std::vector<std::vector<ScoreRow>> rows(5);
    for (auto i = static_cast<std::size_t>(ranks.rank()); i < rows.size(); i += 2) {
      if (i == 3) continue;  // an item without rows
      rows[i] = {row(i, 0.1 * static_cast<double>(i)), row(i, std::numeric_limits<double>::quiet_NaN())};
    }
    auto stopped = rows;
    ASSERT_TRUE(gather_scores(ranks, false, rows));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i].size(), i == 3 ? 0U : 2U);
      if (i == 3) continue;
      EXPECT_EQ(rows[i][0].item, "item " + std::to_string(i));
      EXPECT_EQ(rows[i][0].metrics.at("dice"), 0.1 * static_cast<double>(i));
      EXPECT_TRUE(std::isnan(rows[i][1].metrics.at("dice")));
      EXPECT_EQ(rows[i][0].predicted_pixels, 34);
      EXPECT_EQ(rows[i][0].subject, "patient " + std::to_string(i));
      EXPECT_EQ(rows[i][0].slice_position, i == 0 ? std::optional<double>() : static_cast<double>(i));
      EXPECT_TRUE(rows[i][0].present && rows[i][0].fired);
    }
    EXPECT_FALSE(gather_scores(ranks, ranks.rank() == 1, stopped));
  });
}

class RankEnvironment : public ::testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void clear() {
    for (const auto* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_USE_AGENT_STORE"})
      ::unsetenv(name);
  }
  static void set(const std::map<std::string, std::string>& values) {
    clear();
    for (const auto& [name, value] : values) ::setenv(name.c_str(), value.c_str(), 1);
  }
};

TEST_F(RankEnvironment, SaysWhereAProcessStands) {
  EXPECT_FALSE(rank_address_from_environment());
  set({{"RANK", "0"}, {"WORLD_SIZE", "1"}});
  EXPECT_FALSE(rank_address_from_environment());
  set({{"RANK", "2"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"}, {"MASTER_ADDR", "node7"}, {"MASTER_PORT", "29500"}});
  const auto address = rank_address_from_environment();
  ASSERT_TRUE(address);
  EXPECT_EQ(address->rank, 2);
  EXPECT_EQ(address->size, 4);
  EXPECT_EQ(address->local, 1);
  EXPECT_EQ(address->host, "node7");
  EXPECT_EQ(address->port, 29500);
  EXPECT_FALSE(address->served);
}

TEST_F(RankEnvironment, RefusesWhatIsNoPlace) {
  const std::map<std::string, std::string> good = {
      {"RANK", "1"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "1"}, {"MASTER_ADDR", "localhost"}, {"MASTER_PORT", "29500"}};
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"RANK", "2"},
                                                                                    {"RANK", "-1"},
                                                                                    {"RANK", "one"},
                                                                                    {"RANK", ""},
                                                                                    {"WORLD_SIZE", "0"},
                                                                                    {"WORLD_SIZE", "2x"},
                                                                                    {"WORLD_SIZE", "99999999999"},
                                                                                    {"LOCAL_RANK", "-3"},
                                                                                    {"MASTER_ADDR", ""},
                                                                                    {"MASTER_PORT", "0"},
                                                                                    {"MASTER_PORT", "65536"}}) {
    auto bad = good;
    bad[name] = value;
    set(bad);
    try {
      (void)rank_address_from_environment();
      ADD_FAILURE() << name << "=" << value << " was taken";
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
  }
  for (const auto& name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) {
    auto bad = good;
    bad.erase(name);
    set(bad);
    EXPECT_THROW((void)rank_address_from_environment(), UsageError) << name;
  }
}

}  // namespace
}  // namespace sam3lab::ranks_test
