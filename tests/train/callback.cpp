// Shows: callbacks of your own
// The base of callbacks does nothing and keeps nothing; the state finds measures by name.
#include <inlay/train/callback.hpp>

#include <doctest/doctest.h>

#include "train/problem.hpp"

using namespace inlay;

TEST_CASE("callback: hooks that are not overridden do nothing") {
  support::measures_of_a_run run;
  const support::problem untouched;
  train::callback none;
  none.start(run.now);
  none.resume(run.now);
  none.before_step(run.now);
  none.after_step(run.now);
  none.after_epoch(run.now);
  none.finish(run.now);
  CHECK(run.now.stopped.empty());
  CHECK(run.now.values.empty());
  CHECK(support::same_weights(run.net, untouched.net));
  CHECK(members_of(none).empty());
}

TEST_CASE("callback: what it keeps are its members") {
  struct counting final : train::callback {
    void after_step(train::state&) override { ++steps; }
    void keep(member_visitor& visit) override { visit("steps", steps); }
    std::int64_t steps = 0;
  };
  support::measures_of_a_run run;
  counting counter;
  counter.after_step(run.now);
  train::callback& base = counter;
  const std::vector<member> list = members_of(base);
  REQUIRE(list.size() == 1);
  CHECK(list[0].path == "steps");
  CHECK(*list[0].size == 1);
}

TEST_CASE("state: a measure by its name; the first when two have it") {
  support::measures_of_a_run run;
  CHECK(run.now.batches == -1);
  run.now.values = {{"loss", 0.5}, {"val_loss", 0.25}, {"val_loss", 4}};
  CHECK(run.now.value("loss") == 0.5);
  CHECK(run.now.value("val_loss") == 0.25);
  CHECK_THROWS_WITH_AS(run.now.value("accuracy"),
                       "[fit] expected a measure among loss, val_loss, val_loss, got accuracy; a validation must stand "
                       "before the callbacks that read what it measures",
                       value_error);
}
