// cumsum: sums of all elements so far along an axis, in order; of float in double, as in PyTorch.
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

struct cumsum_op {
  static constexpr const char* name = "cumsum";
  std::int64_t axis = 0;
  static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }

  template <class T> tensor<T> forward(tensor<T> x) const { return along(std::move(x), false); }
  template <class T> void backward(tensor<T> dy, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(along(std::move(dy), true));
  }

 private:
  static constexpr std::int64_t most = 32;  // lines at a time
  template <class T> tensor<T> along(tensor<T> x, bool from_end) const {
    using total = std::conditional_t<std::is_floating_point_v<T>, double, T>;
    const int at = x.shape().index(axis);
    const std::int64_t length = x.dim(at), inner = x.shape().count(at + 1, x.rank());
    const T* from = std::as_const(x).data();
    const std::int64_t outer = x.shape().count(0, at);
    tensor<T> out = detail::result_on(x);
    T* to = detail::writable(out);
    parallel_for(outer * inner, std::max<std::int64_t>(1, detail::map_grain / (length + 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t line = first; line < last;) {  // neighbours together: they share cache lines
                     const std::int64_t begin = line / inner * length * inner + line % inner,
                                        count = std::min({last - line, inner - line % inner, most});
                     total sums[most] = {};
                     for (std::int64_t i = 0; i < length; ++i) {
                       const std::int64_t place = begin + (from_end ? length - 1 - i : i) * inner;
                       for (std::int64_t j = 0; j < count; ++j) {
                         sums[j] = static_cast<total>(sums[j] + from[place + j]);
                         to[place + j] = static_cast<T>(sums[j]);
                       }
                     }
                     line += count;
                   }
                 });
    return out;
  }
};

template <operand X> auto cumsum(X&& x, std::int64_t axis) { return apply(cumsum_op{axis}, std::forward<X>(x)); }

}  // namespace inlay::inline v0_1
