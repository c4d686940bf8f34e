// Shows: validation after each epoch
// Validation: what evaluate says of other data, among the measures of each epoch.
#include <inlay/train/validation.hpp>

#include <inlay/metrics/accuracy.hpp>
#include <inlay/train/fit.hpp>
#include <inlay/train/hooks.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

namespace {

void check_values(const std::vector<train::measure>& got, const std::vector<train::measure>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].name == expected[i].name);
    CHECK(same_bits(got[i].value, expected[i].value));
  }
}

struct job : problem {
  train::validation<small_net, data::loader<data::tensor_dataset<float, std::int64_t>>,
                    std::remove_const_t<decltype(cross_entropy)>>
      check{net, data::loader{points(9), {.batch_size = 5, .shuffle = true, .drop_last = true}}, cross_entropy};
  std::int64_t kill_at = -1;
  train::after_step kill{[this](train::state& run) {
    if (run.step == kill_at) throw std::runtime_error("killed");
  }};
  train::summary run(const std::string& path) {
    return train::fit(net, optimizer, cross_entropy, loader,
                      {.epochs = 3, .checkpoint = {.path = path}, .callbacks = {&check, &kill}});
  }
};

}  // namespace

TEST_CASE("validation: adds what evaluate measures, each epoch from the beginning") {
  measures_of_a_run run;
  const data::loader test{points(9), {.batch_size = 16}};
  train::validation check{run.net, test, cross_entropy, train::named{"accuracy", metrics::accuracy{}}};
  train::validation second{"train_", run.net, data::loader{points()}, cross_entropy};
  for (int epoch = 0; epoch < 2; ++epoch) {
    run.epoch(check, {{"loss", 3}});
    second.after_epoch(run.now);
    const auto expected =
        train::evaluate(run.net, data::loader{test}, cross_entropy, train::named{"accuracy", metrics::accuracy{}});
    const auto other = train::evaluate(run.net, data::loader{points()}, cross_entropy);
    check_values(run.now.values, {{"loss", 3},
                                  {"val_loss", expected[0].value},
                                  {"val_accuracy", expected[1].value},
                                  {"train_loss", other[0].value}});
    init::weights(run.net, {.seed = 5});
  }
}

TEST_CASE("validation: of another model, with a forward pass of its own, on any range of batches") {
  measures_of_a_run run;
  const problem other(2);
  std::vector<data::batch<float, std::int64_t>> list;
  for (auto& batch : run.loader) list.push_back(batch);
  const auto twice = [](const auto& net, const auto& world, const auto& batch) {
    return loss::cross_entropy(net(world.input(batch.x)), batch.y) * 2.0f;
  };
  train::validation check{other.net, list, twice};
  run.epoch(check, {});
  check_values(run.now.values, {{"val_loss", train::evaluate(other.net, list, twice)[0].value}});
  CHECK(members_of(check).empty());

  list.clear();
  train::validation none{other.net, list, twice};
  CHECK_THROWS_WITH_AS(run.epoch(none, {}), "[evaluate] expected a loader with batches, got none", value_error);
}

TEST_CASE("validation: a loader that shuffles is where it would be when a run goes on") {
  const temporary_folder folder;
  job whole, killed, last;
  const auto expected = whole.run("");
  killed.kill_at = 7;
  CHECK_THROWS(killed.run(folder / "run"));
  check_values(last.run(folder / "run").values, expected.values);
}
