// Shows: (options of a search)
// Options of a search: ranges, what is drawn from them, and how a trial is asked for its own.
#include <inlay/train/space.hpp>

#include <doctest/doctest.h>

#include <set>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("space: what is drawn lies in the range, in all of it, and follows the seed") {
  random::generator g{3};
  double low = 1, high = 0;
  std::int64_t small = 0;
  for (int i = 0; i < 1000; ++i) {
    const double rate = std::stod(train::log_uniform(1e-4, 1e-1).draw(g));
    low = std::min(low, rate);
    high = std::max(high, rate);
    small += rate < std::sqrt(1e-4 * 1e-1);
  }
  CHECK(low >= 1e-4);
  CHECK(low < 2e-4);
  CHECK(high <= 1e-1);
  CHECK(high > 5e-2);
  CHECK(small > 440);  // half of them lie below the middle of the logarithms
  CHECK(small < 560);
  double sum = 0;
  for (int i = 0; i < 1000; ++i) sum += std::stod(train::uniform(-1, 3).draw(g));
  CHECK(sum / 1000 == doctest::Approx(1).epsilon(0.1));
  std::set<std::string> integers, words;
  for (int i = 0; i < 100; ++i) {
    integers.insert(train::integers(-1, 2).draw(g));
    words.insert(train::choice({"relu", "tanh"}).draw(g));
  }
  CHECK(integers == std::set<std::string>{"-1", "0", "1", "2"});
  CHECK(words == std::set<std::string>{"relu", "tanh"});
  random::generator a{7}, b{7};
  CHECK(train::uniform(0, 1).draw(a) == train::uniform(0, 1).draw(b));
  CHECK(train::uniform(2, 2).draw(a) == "2");
  CHECK(train::integers(1, 3).count() == 3);
  CHECK(train::choice({0.5, 0.25}).text(1) == "0.25");
}

TEST_CASE("space: ranges without values") {
  CHECK_THROWS_WITH_AS(train::uniform(2, 1), "[range] expected a low and a high end in this order, got 2 and 1",
                       value_error);
  CHECK_THROWS_WITH_AS(train::log_uniform(0, 1),
                       "[range] expected a low and a high end in this order, both above 0, got 0 and 1", value_error);
  CHECK_THROWS_AS(train::uniform(0, std::numeric_limits<double>::infinity()), value_error);
  CHECK_THROWS_AS(train::uniform(std::nan(""), 1), value_error);
  CHECK_THROWS_AS(train::integers(3, 2), value_error);
  CHECK_THROWS_WITH_AS(train::choice(std::vector<double>{}), "[choice] expected at least one value, got none",
                       value_error);
  CHECK_THROWS_WITH_AS(train::choice({1, std::numeric_limits<double>::infinity()}),
                       "[choice] expected finite numbers, got inf", value_error);
}

TEST_CASE("trial: options by name") {
  const auto options = std::make_shared<train::space>(train::space{
      {"rate", train::uniform(0, 1)}, {"width", train::integers(1, 9)}, {"activation", train::choice({"relu"})}});
  const train::trial t(4, 2, options, {"0.1", "3", "relu"});
  CHECK(t.value("rate") == 0.1);
  CHECK(t.integer("width") == 3);
  CHECK(t.word("activation") == "relu");
  CHECK(t.text() == "rate = 0.1, width = 3, activation = relu");
  CHECK_THROWS_WITH_AS(t.value("depth"), "[search] expected an option of the space, got depth", value_error);
  CHECK_THROWS_WITH_AS(t.value("activation"), "[search] expected a number as activation, got relu", value_error);
  CHECK_THROWS_WITH_AS(t.integer("rate"), "[search] expected an integer as rate, got 0.1", value_error);
}
