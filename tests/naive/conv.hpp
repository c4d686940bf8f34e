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

  // f(index of x, index of w, index of y, index of b) for every product.
  template <class F> void each(F&& f) const {
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t i = 0; i < k; ++i)
          for (std::int64_t o = 0; o < product(out); ++o)
            for (std::int64_t j = 0; j < c; ++j)
              for (std::int64_t t = 0; t < product(kernel); ++t) {
                std::int64_t at = 0, rest_o = o, rest_t = t, step = 1;
                bool inside = true;
                for (int axis = 2; axis >= 0; --axis) {
                  const auto a = static_cast<std::size_t>(axis);
                  const std::int64_t place =
                      rest_o % out[a] * stride[a] + rest_t % kernel[a] * dilation[a] - padding[a];
                  inside = inside && place >= 0 && place < in[a];
                  at += place * step;
                  step *= in[a];
                  rest_o /= out[a], rest_t /= kernel[a];
                }
                const std::int64_t channel = g * k + i, image = n * groups + g;
                if (inside)
                  f((image * c + j) * product(in) + at, (channel * c + j) * product(kernel) + t,
                    (n * groups * k + channel) * product(out) + o, channel);
              }
  }

  std::vector<double> forward(const std::vector<double>& x, const std::vector<double>& w,
                              const std::vector<double>& b) const {
    std::vector<double> y(static_cast<std::size_t>(batch * groups * k * product(out)));
    for (std::size_t i = 0; i < y.size(); ++i)
      if (!b.empty()) y[i] = b[i / static_cast<std::size_t>(product(out)) % b.size()];
    each([&](std::int64_t at_x, std::int64_t at_w, std::int64_t at_y, std::int64_t) {
      y[static_cast<std::size_t>(at_y)] += x[static_cast<std::size_t>(at_x)] * w[static_cast<std::size_t>(at_w)];
    });
    return y;
  }

  struct gradients {
    std::vector<double> x, w, b;
  };
  gradients backward(const std::vector<double>& x, const std::vector<double>& w, const std::vector<double>& dy) const {
    gradients d{std::vector<double>(x.size()), std::vector<double>(w.size()),
                std::vector<double>(static_cast<std::size_t>(groups * k))};
    each([&](std::int64_t at_x, std::int64_t at_w, std::int64_t at_y, std::int64_t) {
      const double g = dy[static_cast<std::size_t>(at_y)];
      d.x[static_cast<std::size_t>(at_x)] += g * w[static_cast<std::size_t>(at_w)];
      d.w[static_cast<std::size_t>(at_w)] += g * x[static_cast<std::size_t>(at_x)];
    });
    for (std::size_t i = 0; i < dy.size(); ++i) d.b[i / static_cast<std::size_t>(product(out)) % d.b.size()] += dy[i];
    return d;
  }
};

}  // namespace naive
