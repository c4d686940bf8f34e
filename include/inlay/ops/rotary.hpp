// rotary: turns pairs of features of each head by angles that grow with the position, so that the product of a query
// and a key depends on how far apart they stand.  x (N, T, heads size) -> y of the same shape
//   pair i turns by (start + t) base^(-2 i / turned)
// Su and others, RoFormer: Enhanced Transformer with Rotary Position Embedding, 2021.
#pragma once

#include <vector>

#include "../autograd/apply.hpp"
#include "../kernels/rotary.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

struct rotary_options {
  std::int64_t heads = 1;
  std::int64_t turned = 0;   // features of each head that turn, from the first on; 0: all
  double base = 10000;       // the slowest pair turns once in about 2 pi base positions
  bool interleaved = false;  // pairs are neighbours, as in the paper; else the halves, as in Llama and GPT-NeoX
};

struct rotary_op {
  static constexpr const char* name = "rotary";
  rotary_options options = {};

  static void attributes(auto& self, auto&& visit) {
    visit("heads", self.options.heads);
    visit("turned", self.options.turned);
    visit("base", self.options.base);
    visit("interleaved", self.options.interleaved);
  }

  template <floating T> tensor<T> forward(const tensor<T>& x, const tensor<std::int64_t>& starts) const {
    check(x.shape(), starts.shape());
    return turn(x, starts, 1);
  }
  template <class T> struct kept { tensor<std::int64_t> starts; };
  template <class T> auto keep(const tensor<T>&, const tensor<std::int64_t>& starts, const tensor<T>&) const {
    return kept<T>{starts};
  }
  template <class T>
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx, const gradient<std::int64_t>&) const {
    if (dx.wanted()) dx.add(turn(dy, k.starts, -1));
  }

 private:
  std::int64_t pairs(std::int64_t size) const { return (options.turned > 0 ? options.turned : size) / 2; }

  template <class T> tensor<T> turn(const tensor<T>& x, const tensor<std::int64_t>& starts, double direction) const {
    const std::int64_t steps = x.dim(1), rows = x.dim(0) * steps, size = x.dim(2) / options.heads, count = pairs(size);
    tensor<T> y = tensor<T>::empty(x.shape()), turns = tensor<T>::empty({rows, 2 * count});
    T *const to = detail::writable(y), *const table = detail::writable(turns);
    std::vector<double> rates;  // radians a position, of each pair
    for (std::int64_t i = 0; i < count; ++i)
      rates.push_back(__builtin_pow(options.base, -static_cast<double>(i) / static_cast<double>(count)));
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t n = row / steps;
      T* const of_row = table + 2 * row * count;
      if (n > 0 && starts.size() == 0) {  // as the row of the batch's first
        std::copy_n(of_row - 2 * steps * count, 2 * count, of_row);
        continue;
      }
      const auto place = static_cast<double>((starts.size() > 0 ? starts.data()[n] : 0) + row % steps);
      for (std::int64_t i = 0; i < count; ++i) {
        const double angle = place * rates[static_cast<std::size_t>(i)];
        of_row[i] = static_cast<T>(__builtin_cos(angle));
        of_row[count + i] = static_cast<T>(direction * __builtin_sin(angle));
      }
    }
    const isa level = active_isa();
    const kernels::rotary<T> step{options.heads, size, count, options.interleaved, x.data(), table, to};
    parallel_for(
        rows, std::max<std::int64_t>(1, detail::map_grain / std::max<std::int64_t>(x.dim(2), 1)),
        [&](std::int64_t first, std::int64_t last) { dispatch<kernels::rotary<T>>(level, &step, first, last); });
    return y;
  }

  INLAY_OUTLINE void check(const shape& x, const shape& starts) const {
    if (x.rank() != 3 || options.heads < 1 || x[2] < options.heads || x[2] % options.heads != 0) [[unlikely]]
      throw shape_error(name, {"expected input (N, T, ", options.heads, " size), got ", x});
    const std::int64_t size = x[2] / options.heads, turned = options.turned > 0 ? options.turned : size;
    if (turned % 2 != 0 || turned > size) [[unlikely]]
      throw value_error(name, {"expected an even number of features to turn, ", size, " at most, got ", turned});
    if (starts.size() > 0 && !(starts == shape{x[0]})) [[unlikely]]
      throw shape_error(name, {"expected starts (", x[0], ",) or none, got ", starts});
  }
};

// See above. `starts` (N,): the position of each row's first element; 0 when it is empty.
template <operand X> auto rotary(X&& x, const rotary_options& options = {}, const tensor<std::int64_t>& starts = {}) {
  return apply(rotary_op{options}, std::forward<X>(x), starts);
}

}  // namespace inlay::inline v0_1
