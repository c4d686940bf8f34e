// Shows: (how losses become one number)
// How the losses of elements become one number, and pairs that do not fit.
#include <inlay/loss/reduced.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("reduced_loss: the mean, the sum, or as they are") {
  const tensor<double> each = from<double>({2, 2}, {1, -2, 3, 8});
  CHECK(detail::reduced_loss(each, reduction::mean).item() == 2.5);
  CHECK(detail::reduced_loss(each, reduction::sum).item() == 10);
  CHECK(support::same_bits(detail::reduced_loss(each, reduction::none), each));
  const variable<double> v{each};
  detail::reduced_loss(v, reduction::mean).backward();
  support::check_close(v.grad(), {0.25, 0.25, 0.25, 0.25});
}

TEST_CASE("check_pair: one shape, and not empty") {
  detail::check_pair("loss", {2, 3}, {2, 3});
  detail::check_pair("loss", shape{}, shape{});
  CHECK_THROWS_WITH_AS(detail::check_pair("loss", {3}, {3, 1}),
                       "[loss] expected prediction and target of one shape, got (3,) and (3, 1)", shape_error);
  CHECK_THROWS_WITH_AS(detail::check_pair("loss", {3, 0}, {3, 0}),
                       "[loss] expected at least one element, got an empty batch (3, 0)", shape_error);
}
