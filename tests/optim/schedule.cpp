// Shows: warm-up
// What schedules share: they set the rate when they are made and with each step, warm up, and are kept in files. A
// schedule of one's own gives its rate by the step.
#include <inlay/optim/schedule.hpp>

#include <doctest/doctest.h>

#include <inlay/io/save.hpp>
#include <inlay/optim/sgd.hpp>

#include "files.hpp"
#include "optim/traces.hpp"

using namespace inlay;

namespace {

class halving final : public optim::schedule {
 public:
  explicit halving(optim::optimizer& of, const optim::warm_up& warm_up = {}) : schedule(of, warm_up) { apply(); }

 private:
  double scheduled(double base, std::int64_t step) const override { return base / static_cast<double>(1 << step); }
};

}  // namespace

TEST_CASE("schedule: the rate at the start and after each step; warm-up from nothing") {
  traces::model<double> m;
  optim::sgd sgd{m, {.learning_rate = 0.5}};
  halving plain(sgd);
  CHECK(sgd.learning_rate() == 0.5);
  plain.step();
  CHECK(sgd.learning_rate() == 0.25);
  CHECK(plain.base_rate() == 0.5);
  CHECK(plain.steps() == 1);

  halving warm(sgd, {.steps = 2});  // on the rate that there is
  CHECK(warm.base_rate() == 0.25);
  for (const double rate : {0.0, 0.125, 0.25, 0.125, 0.0625}) {
    CHECK(sgd.learning_rate() == rate);
    warm.step();
  }
}

TEST_CASE("schedule: saved and loaded with its optimiser it goes on where it was") {
  const support::temporary_folder folder;
  traces::model<double> m;
  optim::sgd sgd{m, {.learning_rate = 0.5}};
  halving schedule(sgd, {.steps = 2, .start = 0.5});
  for (int i = 0; i < 4; ++i) schedule.step();
  io::save(schedule, folder / "schedule");
  io::save(sgd, folder / "sgd");

  traces::model<double> n;
  optim::sgd other{n, {.learning_rate = 0.5}};
  io::load(other, folder / "sgd");
  CHECK(other.learning_rate() == 0.125);
  halving resumed(other, {.steps = 2, .start = 0.5});  // takes 0.125 for its base until the file says otherwise
  io::load(resumed, folder / "schedule");
  CHECK(resumed.steps() == 4);
  CHECK(resumed.base_rate() == 0.5);
  schedule.step();
  resumed.step();
  CHECK(sgd.learning_rate() == 0.0625);
  CHECK(other.learning_rate() == 0.0625);

  CHECK_THROWS_AS(io::load(resumed, folder / "sgd"), io_error);
  CHECK(resumed.steps() == 5);
}
