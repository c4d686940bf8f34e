// Convolution by its definition, in double, over three axes: every output looks at every kernel position.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace naive {

struct conv {
  using axes = std::array<std::int64_t, 3>;
  std::int64_t batch, groups, k, c;  // k and c: channels of a group
  axes in, out, kernel, stride, dilation, padding;

  static std::int64_t product(const axes& a) { return a[0] * a[1] * a[2]; }

  // f(index of x, index of w, index of y) for every product. What an output sees at a kernel position is found once for
  // all images and channels: unoptimised, it takes longer than the products.
  template <class F> void each(F&& f) const {
    for (std::int64_t o = 0; o < product(out); ++o)
      for (std::int64_t t = 0; t < product(kernel); ++t) {
        std::int64_t at = 0, rest_o = o, rest_t = t, step = 1;
        bool inside = true;
        for (int axis = 2; axis >= 0; --axis) {
          const auto a = static_cast<std::size_t>(axis);
          const std::int64_t place = rest_o % out[a] * stride[a] + rest_t % kernel[a] * dilation[a] - padding[a];
          inside = inside && place >= 0 && place < in[a];
          at += place * step;
          step *= in[a];
          rest_o /= out[a], rest_t /= kernel[a];
        }
        if (inside) each_channel(at, t, o, f);
      }
  }
  template <class F> void each_channel(std::int64_t at, std::int64_t t, std::int64_t o, F&& f) const {
    const std::int64_t of_x = product(in), of_w = product(kernel), of_y = product(out);
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t i = 0; i < k; ++i) {
          const std::int64_t channel = g * k + i, image = n * groups + g, y = (image * k + i) * of_y + o;
          std::int64_t x = image * c * of_x + at, w = channel * c * of_w + t;
          for (std::int64_t j = 0; j < c; ++j, x += of_x, w += of_w) f(x, w, y);
        }
  }

  std::vector<double> forward(const std::vector<double>& x, const std::vector<double>& w,
                              const std::vector<double>& b) const {
    std::vector<double> y(static_cast<std::size_t>(batch * groups * k * product(out)));
    for (std::size_t i = 0; i < y.size(); ++i)
      if (!b.empty()) y[i] = b[i / static_cast<std::size_t>(product(out)) % b.size()];
    const double *from = x.data(), *weights = w.data();
    double* to = y.data();
    each([&](std::int64_t at_x, std::int64_t at_w, std::int64_t at_y) { to[at_y] += from[at_x] * weights[at_w]; });
    return y;
  }

  struct gradients {
    std::vector<double> x, w, b;
  };
  gradients backward(const std::vector<double>& x, const std::vector<double>& w, const std::vector<double>& dy) const {
    gradients d{std::vector<double>(x.size()), std::vector<double>(w.size()),
                std::vector<double>(static_cast<std::size_t>(groups * k))};
    const double *from = x.data(), *weights = w.data(), *gradient = dy.data();
    double *to_x = d.x.data(), *to_w = d.w.data();
    each([&](std::int64_t at_x, std::int64_t at_w, std::int64_t at_y) {
      const double g = gradient[at_y];
      to_x[at_x] += g * weights[at_w];
      to_w[at_w] += g * from[at_x];
    });
    for (std::size_t i = 0; i < dy.size(); ++i) d.b[i / static_cast<std::size_t>(product(out)) % d.b.size()] += dy[i];
    return d;
  }
};

}  // namespace naive
