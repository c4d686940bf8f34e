// Shows: (windows of planes)
// Pooling of some planes against windows read one by one: sizes round the registers, strides, padding, dilation, NaN,
// infinities and equal elements; nothing read or written beside the planes.
#include <inlay/kernels/pool.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "naive/pool.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

kernels::conv_geometry geometry(const naive::pool& p) {
  kernels::conv_geometry g;
  g.in = p.in, g.out = p.out, g.kernel = p.kernel, g.stride = p.stride, g.padding = p.padding, g.dilation = p.dilation;
  return g;
}

// As many windows as begin in the plane or the padding before it and end by the end of the padding behind it.
naive::pool windows(const naive::pool::axes& in, const naive::pool::axes& kernel, const naive::pool::axes& stride,
                    const naive::pool::axes& padding, const naive::pool::axes& dilation = {1, 1, 1}) {
  naive::pool p{in, {}, kernel, stride, padding, dilation};
  for (std::size_t i = 0; i < 3; ++i)
    p.out[i] = (in[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1;
  return p;
}

std::vector<naive::pool> cases() {
  std::vector<naive::pool> out;
  for (const std::int64_t width : {2, 7, 8, 9, 15, 16, 17, 18, 31, 33, 34, 65}) {
    out.push_back(windows({1, 4, width}, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}));
    out.push_back(windows({1, 5, width}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}));
    out.push_back(windows({1, 3, width}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}));
    out.push_back(windows({1, 1, width}, {1, 1, 2}, {1, 1, 1}, {0, 0, 0}));
    out.push_back(windows({2, 3, width}, {2, 2, 2}, {1, 1, 3}, {1, 0, 1}));
    out.push_back(windows({1, 2, width}, {1, 1, width}, {1, 1, 1}, {0, 0, 0}));
  }
  out.push_back(windows({1, 17, 19}, {1, 17, 19}, {1, 1, 1}, {0, 0, 0}));  // more than a byte counts
  out.push_back(windows({1, 20, 40}, {1, 17, 16}, {1, 1, 2}, {0, 8, 8}));
  out.push_back({{1, 4, 6}, {1, 2, 3}, {1, 3, 3}, {1, 3, 3}, {0, 1, 1}, {1, 1, 1}});  // reaches over the end
  return out;
}

constexpr std::int64_t planes = 3;

// Values that are often equal; `broken`: NaN and infinities among them.
template <class T> std::vector<T> values(std::int64_t count, std::uint64_t seed, bool broken) {
  std::vector<T> x = support::noise_values<T>(count, seed, -4, 4);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::nearbyint(x[i]);
    if (broken && i % 3 == 0) x[i] = -std::numeric_limits<T>::infinity();
    if (broken && i % 11 == 0) x[i] = std::numeric_limits<T>::quiet_NaN();
  }
  return x;
}

template <class F, class T>
void run(isa level, const naive::pool& p, bool count_padding, const T* x, T* y, std::uint8_t* places) {
  const kernels::conv_geometry g = geometry(p);
  support::guarded<T> scratch(kernels::pool_scratch<T>(g));
  support::guarded<std::int64_t> table(g.product(g.kernel));
  const kernels::pool_problem<T> problem{g, count_padding, planes, x, y, places, scratch.data(), table.data()};
  dispatch<kernels::pool_windows<F, T>>(level, &problem);
  CHECK(scratch.intact());
  CHECK(table.intact());
}

template <class T> void check_max(isa level, const naive::pool& p, bool broken) {
  const kernels::conv_geometry g = geometry(p);
  const std::int64_t in = p.product(p.in), out = p.product(p.out), bytes = kernels::place_bytes(g);
  const support::guarded<T> x(std::span<const T>(values<T>(planes * in, 1, broken)));
  support::guarded<T> alone(planes * out), y(planes * out), dx(planes * in, T{7});
  support::guarded<std::uint8_t> places(planes * out * bytes);
  run<kernels::max_of>(level, p, false, x.data(), alone.data(), nullptr);
  run<kernels::max_of>(level, p, false, x.data(), y.data(), places.data());
  CHECK(support::same_bits(y.values(), alone.values()));

  const std::vector<T> dy = support::noise_values<T>(planes * out, 2);
  std::vector<T> expected(static_cast<std::size_t>(planes * in));
  bool same = true;
  for (std::int64_t i = 0; i < planes * out; ++i) {
    const T* plane = x.data() + i / out * in;
    const naive::pool::element best = p.largest(plane, i % out);
    if (best.place < 0) {
      same = same && y[i] == -std::numeric_limits<T>::infinity();
      continue;
    }
    std::uint32_t number = places[i * bytes];
    if (bytes > 1) std::memcpy(&number, places.data() + i * bytes, sizeof(number));
    same = same && support::same_bits(y[i], plane[best.place]) && number == best.number;
    expected[static_cast<std::size_t>(i / out * in + best.place)] += dy[static_cast<std::size_t>(i)];
  }
  CHECK(same);
  support::guarded<std::int64_t> table(g.product(g.kernel));
  if (bytes == 1) {
    kernels::max_pool_gradient(g, planes, dy.data(), places.data(), table.data(), dx.data());
  } else {
    std::vector<std::uint32_t> wide(static_cast<std::size_t>(planes * out));
    std::memcpy(wide.data(), places.data(), wide.size() * 4);
    kernels::max_pool_gradient(g, planes, dy.data(), wide.data(), table.data(), dx.data());
  }
  CHECK(support::same_bits(dx.values(), std::span<const T>(expected)));
  if (kernels::detail::are_squares(g)) {
    support::guarded<T> all(planes * in, T{7});
    dispatch<kernels::square_gradient<T>>(level, &g, std::int64_t{planes}, dy.data(),
                                          static_cast<const std::uint8_t*>(places.data()), all.data());
    CHECK(support::same_bits(all.values(), std::span<const T>(expected)));
    CHECK(all.intact());
  }
  CHECK((y.intact() && alone.intact() && places.intact() && dx.intact() && table.intact()));
}

template <class T> void check_mean(isa level, const naive::pool& p, bool count_padding) {
  const kernels::conv_geometry g = geometry(p);
  const std::int64_t in = p.product(p.in), out = p.product(p.out);
  const support::guarded<T> x(std::span<const T>(support::noise_values<T>(planes * in, 3))),
      dy(std::span<const T>(support::noise_values<T>(planes * out, 4)));
  support::guarded<T> y(planes * out), dx(planes * in, T{7}), scratch(kernels::avg_pool_gradient<T>::scratch(g));
  run<kernels::sum_of>(level, p, count_padding, x.data(), y.data(), nullptr);
  dispatch<kernels::avg_pool_gradient<T>>(level, &g, count_padding, planes, static_cast<const T*>(dy.data()), dx.data(),
                                          scratch.data());
  std::vector<double> mean, gradient(static_cast<std::size_t>(planes * in));
  for (std::int64_t i = 0; i < planes * out; ++i) {
    const double count = static_cast<double>(p.count(i % out, count_padding));
    double sum = 0;
    for (const naive::pool::element& e : p.window(i % out)) {
      if (e.place < 0) continue;
      sum += x.data()[i / out * in + e.place];
      gradient[static_cast<std::size_t>(i / out * in + e.place)] += dy.data()[i] / count;
    }
    mean.push_back(sum / count);
  }
  const double rounding = sizeof(T) == 4 ? 2e-6 : 1e-14;
  CHECK(support::difference(y.values(), mean) < rounding);
  CHECK(support::difference(dx.values(), gradient) < rounding);
  CHECK((y.intact() && dx.intact() && scratch.intact()));
}

}  // namespace

TEST_CASE_TEMPLATE("pool: largest elements, their places and gradients", T, float, double) {
  std::vector<naive::pool> all = cases();
  all.push_back(windows({1, 9, 21}, {1, 3, 2}, {1, 2, 1}, {0, 1, 1}, {1, 2, 3}));
  all.push_back(windows({1, 2, 2}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}, {1, 1, 3}));  // sees nothing but padding
  all.push_back(windows({1, 2, 2}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}, {1, 3, 1}));
  for (std::int64_t width = 2; width <= 36; ++width)  // squares, taken from where they lie
    all.push_back(windows({width % 3 + 1, 5, width}, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {1, 1, 1}));
  support::for_each_isa([&](isa level) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      CAPTURE(i);
      check_max<T>(level, all[i], false);
      check_max<T>(level, all[i], true);
    }
  });
}

TEST_CASE_TEMPLATE("pool: means and their gradients", T, float, double) {
  const std::vector<naive::pool> all = cases();
  support::for_each_isa([&](isa level) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      CAPTURE(i);
      check_mean<T>(level, all[i], false);
      check_mean<T>(level, all[i], true);
    }
  });
}
