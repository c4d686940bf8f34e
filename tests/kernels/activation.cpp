// Shows: (activations of a block)
// Activations of a block, and their gradients: right at every size, nothing beyond the block.
#include <inlay/kernels/activation.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "naive/activation.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

const activation all[] = {activation::relu, activation::tanh, activation::sigmoid};

// relu is applied by the product that writes the values.
template <class T> void apply(isa level, activation f, std::vector<T>& x) {
  const auto count = static_cast<std::int64_t>(x.size());
  if (const auto function = f.kernels<T>().apply)
    function(level, count, x.data());
  else
    dispatch<kernels::map<kernels::function::relu, T>>(level, count, x.data(), kernels::function::relu{},
                                                       static_cast<const T*>(x.data()));
}

}  // namespace

TEST_CASE_TEMPLATE("activation: as exact as the functions alone, and right at the ends", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  auto x = support::noise_values<T>(2000, 3, -40, 40);
  const auto close = support::noise_values<T>(2000, 4), far = support::noise_values<T>(500, 5, -800, 800);
  x.insert(x.end(), close.begin(), close.end());
  x.insert(x.end(), far.begin(), far.end());
  x.insert(x.end(),
           {T(1e-6), T(-1e-6), T(1e-20), T{88}, T{-88}, T{87}, T{-87}, T{700}, T{-700}, std::numeric_limits<T>::max()});
  support::for_each_isa([&](isa level) {
    for (const activation f : all) {
      auto y = x;
      apply(level, f, y);
      double worst = 0;
      T at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const long double exact = naive::activate(f, static_cast<long double>(x[i]));
        if (exact != 0 && std::abs(exact) < static_cast<long double>(std::numeric_limits<T>::min()) && y[i] == 0)
          continue;  // flushed
        const double error = support::ulps(y[i], exact);
        if (error > worst) worst = error, at = x[i];
      }
      INFO(f.name(), " at ", at);
      CHECK(worst <= 3);
    }
    const std::vector<T> ends[] = {{inf, 0, 0}, {1, -1, 0}, {1, 0, T(0.5)}};
    for (std::size_t i = 0; i < std::size(all); ++i) {
      std::vector<T> y{inf, -inf, 0, nan};
      apply(level, all[i], y);
      CHECK(support::is_nan(y[3]));
      y.pop_back();
      CHECK(y == ends[i]);
    }
  });
}

TEST_CASE("activation: names, and which are the same") {
  CHECK(std::string(activation::none.name()) == "none");
  CHECK(std::string(activation::sigmoid.name()) == "sigmoid");
  CHECK((activation::relu.in_product() && !activation::tanh.in_product() && !activation::none.in_product()));
  const activation f = activation::tanh;
  CHECK((f == activation::tanh && f != activation::sigmoid && f != activation::none));
}

TEST_CASE_TEMPLATE("activation: gradients from the output", T, float, double) {
  const std::int64_t count = 65;
  const auto dy = support::noise_values<T>(count, 6), x = support::noise_values<T>(count, 7, -3, 3);
  support::for_each_isa([&](isa level) {
    for (const activation f : all) {
      std::vector<T> y;
      std::vector<double> expected;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const long double h = 1e-5L, at = static_cast<long double>(x[i]);
        y.push_back(static_cast<T>(naive::activate(f, at)));
        expected.push_back(static_cast<double>(static_cast<long double>(dy[i]) *
                                               (naive::activate(f, at + h) - naive::activate(f, at - h)) / (2 * h)));
      }
      support::guarded<T> dx(count);
      f.kernels<T>().gradient(level, count, dy.data(), y.data(), dx.data());
      CHECK(support::difference(dx.values(), expected) < (sizeof(T) == 4 ? 1e-6 : 1e-9));
      CHECK(dx.intact());
    }
  });
}
