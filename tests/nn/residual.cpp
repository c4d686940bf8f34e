// Shows: residual
// A residual connection adds its input, or what its shortcut makes of it, and passes every judge.
#include <inlay/nn/residual.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/dense.hpp>
#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("residual: every judge, with and without a shortcut") {
  const nn::residual plain{nn::dense<double>{{.in = 3, .out = 3, .activation = activation::tanh}}};
  const nn::residual wider{nn::dense<double>{{.in = 3, .out = 5}},
                           nn::dense<double>{{.in = 3, .out = 5, .bias = false}}};
  const auto x = support::made_up<double>({4, 3}, 1);
  const auto one = testing::check_layer(plain, x), two = testing::check_layer(wider, x);
  CHECK_MESSAGE(one.ok(), one.text());
  CHECK_MESSAGE(two.ok(), two.text());
  CHECK(support::same_bits(plain(x), plain.body(x) + x));
  CHECK(support::same_bits(wider(x), wider.body(x) + wider.shortcut(x)));
  const auto list = members_of(wider);
  REQUIRE(list.size() == 3);
  CHECK(list[2].path == "shortcut.weight");
}

TEST_CASE("residual: a sum that would broadcast is refused") {
  const nn::residual layer{nn::dense<float>{{.in = 3, .out = 1}}};
  CHECK_THROWS_WITH_AS(layer(zeros<float>({2, 3})),
                       "[residual] expected a body that gives (2, 3), got (2, 1); give a shortcut that changes the "
                       "shape too",
                       shape_error);
}
