// Shows: softmax, log_softmax
// softmax and log_softmax against PyTorch, central differences and loops along every axis; they cannot overflow.
#include <inlay/ops/softmax.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::variables;

TEST_CASE("softmax: PyTorch's values and gradients") {
  const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
  const std::vector<double> dy = {1, -2, 0.5, 0.25, 3, -1};
  // F.softmax(x, axis), F.log_softmax(x, axis): (y * dy).sum().backward()
  support::check_golden("softmax -1", [](const variables& v) { return softmax(v[0]); }, {x}, dy,
                        {0.0240937682868484, 0.17803020550615906, 0.7978760262069926, 0.2869539713249813,
                         0.10556446661296019, 0.6074815620620584},
                        {{0.022480175607107526, -0.36798333784374726, 0.34550316223663974, 0.13459566538068454,
                          0.3398172613499852, -0.47441292673066976}});
  support::check_golden("softmax 0", [](const variables& v) { return softmax(v[0], 0); }, {x}, dy,
                        {0.1480471980316895, 0.7772998611746911, 0.7310585786300049, 0.8519528019683106,
                         0.22270013882530884, 0.2689414213699951},
                        {{0.09459691888999142, -0.8655239349624851, 0.2949178998622228, -0.09459691888999144,
                          0.865523934962485, -0.2949178998622228}});
  support::check_golden("log_softmax -1", [](const variables& v) { return log_softmax(v[0]); }, {x}, dy,
                        {-3.7258020492315995, -1.7258020492315993, -0.22580204923159933, -1.24843345474315,
                         -2.2484334547431497, -0.4984334547431499},
                        {{1.0120468841434243, -1.9109848972469206, 0.8989380131034963, -0.3956464354812079,
                          2.7624799501208397, -2.3668335146396315}});
  support::check_golden("log_softmax 0", [](const variables& v) { return log_softmax(v[0], 0); }, {x}, dy,
                        {-1.9102241504380872, -0.25192908134537295, -0.31326168751822286, -0.16022415043808716,
                         -1.501929081345373, -1.3132616875182228},
                        {{0.8149410024603881, -2.777299861174691, 0.8655292893150024, -0.8149410024603883,
                          2.7772998611746913, -0.8655292893150024}});
}

TEST_CASE_TEMPLATE("softmax: loops along every axis, everywhere", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 700})
    for (const std::int64_t axis : {0, 1, 2}) {
      const tensor<T> x = made_up<T>(shape{3, 4, 5}.with(axis, n), 1, -8, 8);
      const auto at = static_cast<std::size_t>(axis);
      support::check_everywhere<T>([&] { return softmax(x, axis); }, naive::softmax(x, at).values,
                                   support::rounding<T>);
      support::check_everywhere<T>([&] { return log_softmax(x, axis - 3); }, naive::softmax(x, at, true).values,
                                   2 * support::rounding<T>);
    }
  const tensor<T> many = made_up<T>({5000, 7}, 2);
  support::check_everywhere<T>([&] { return softmax(many); }, naive::softmax(many, 1).values, support::rounding<T>);
}

TEST_CASE("softmax: central differences along every axis") {
  for (const std::int64_t axis : {0, 1, -1}) {
    const auto r = testing::check_gradient([&](const auto& x) { return softmax(x, axis) * 3.0 + log_softmax(x, axis); },
                                           made_up<double>({3, 4, 5}, 3));
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE_TEMPLATE("softmax: extreme scores", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const tensor<T> x = from<T>({3, 3}, {T(1e4), 0, T(-1e4), -inf, 0, 0, 5, 5, 5});
  const double third = 1.0 / 3;
  support::check_everywhere<T>([&] { return softmax(x); }, {1, 0, 0, 0, 0.5, 0.5, third, third, third},
                               support::rounding<T>);
  support::check_everywhere<T>(
      [&] { return log_softmax(x); },
      {0, -1e4, -2e4, -HUGE_VAL, std::log(0.5), std::log(0.5), std::log(third), std::log(third), std::log(third)},
      support::rounding<T>);
}

TEST_CASE("softmax: results larger than the caches") {
  const tensor<float> x = made_up<float>({2050, 2048}, 4, -3, 3), dy = made_up<float>({1, 2048}, 5);
  support::check_large(x, 0, [](const auto& in) { return softmax(in); });
  support::check_large(x, 0, [](const auto& in) { return log_softmax(in); });
  const auto slope = [&](const auto& f) {
    return [&](const tensor<float>& in) {
      const variable<float> v{in};
      f(v).backward(dy + zeros<float>(in.shape()));
      return v.grad();
    };
  };
  support::check_large(x, 0, slope([](const auto& v) { return softmax(v); }));
  support::check_large(x, 0, slope([](const auto& v) { return log_softmax(v); }));
}

TEST_CASE("softmax: of nothing, and axes that are not there") {
  CHECK(softmax(tensor<float>({0, 3})).shape() == shape{0, 3});
  CHECK(softmax(tensor<float>({3, 0})).shape() == shape{3, 0});
  CHECK_THROWS_AS(softmax(tensor<float>({2, 3}), 2), shape_error);
  CHECK_THROWS_AS(log_softmax(tensor<float>(shape{})), shape_error);
}
