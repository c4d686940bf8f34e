// Operations on arrays as their definitions have them: every element by its indices, every sum from first to last, in
// double. What the library's results are compared with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include <inlay/core/tensor.hpp>

namespace naive {

using index = std::vector<std::int64_t>;

struct array {
  index sizes;
  std::vector<double> values;

  array(index of, double fill = 0) : sizes(std::move(of)) {
    std::int64_t count = 1;
    for (const std::int64_t size : sizes) count *= size;
    values.assign(static_cast<std::size_t>(count), fill);
  }
  template <class T> array(const inlay::tensor<T>& t) : sizes(t.shape().begin(), t.shape().end()) {
    for (const T x : t.values()) values.push_back(static_cast<double>(x));
  }

  double& at(const index& i) { return values[offset(i)]; }
  double at(const index& i) const { return values[offset(i)]; }

  // Indices beyond this array's rank are dropped from the front, those along an axis of size 1 count as 0.
  double broadcast_at(const index& i) const {
    index mine(i.end() - static_cast<std::ptrdiff_t>(sizes.size()), i.end());
    for (std::size_t axis = 0; axis < mine.size(); ++axis)
      if (sizes[axis] == 1) mine[axis] = 0;
    return at(mine);
  }

 private:
  std::size_t offset(const index& i) const {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) at = at * sizes[axis] + i[axis];
    return static_cast<std::size_t>(at);
  }
};

// f(indices) for every element of an array of these sizes, last axis fastest.
template <class F> void for_each(const index& sizes, F&& f) {
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return;
  index i(sizes.size(), 0);
  for (bool more = true; more;) {
    f(std::as_const(i));
    more = false;
    for (std::size_t axis = sizes.size(); axis-- > 0 && !more;) {
      more = ++i[axis] < sizes[axis];
      if (!more) i[axis] = 0;
    }
  }
}

inline array map(array x, const std::function<double(double)>& f) {
  for (double& value : x.values) value = f(value);
  return x;
}

inline array zip(const array& a, const array& b, const std::function<double(double, double)>& f) {
  index sizes(std::max(a.sizes.size(), b.sizes.size()), 1);
  for (const array* x : {&a, &b})
    for (std::size_t i = 0; i < x->sizes.size(); ++i) {
      std::int64_t& size = sizes[sizes.size() - x->sizes.size() + i];
      if (x->sizes[i] != 1) size = x->sizes[i];
    }
  array out(sizes);
  for_each(sizes, [&](const index& i) { out.at(i) = f(a.broadcast_at(i), b.broadcast_at(i)); });
  return out;
}

// Folds the chosen axes, which stay with size 1.
inline array fold(const array& x, const std::vector<bool>& axes, double start,
                  const std::function<double(double, double)>& f) {
  index sizes = x.sizes;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis)
    if (axes[axis]) sizes[axis] = 1;
  array out(sizes, start);
  for_each(x.sizes, [&](index i) {
    const double value = x.at(i);
    for (std::size_t axis = 0; axis < i.size(); ++axis)
      if (axes[axis]) i[axis] = 0;
    out.at(i) = f(out.at(i), value);
  });
  return out;
}

inline array softmax(const array& x, std::size_t axis, bool logarithm = false) {
  std::vector<bool> along(x.sizes.size(), false);
  along[axis] = true;
  const array highest = fold(x, along, -HUGE_VAL, [](double a, double b) { return std::max(a, b); });
  const array shifted = zip(x, highest, [](double a, double b) { return a - b; });
  const array total = fold(shifted, along, 0, [](double a, double b) { return a + std::exp(b); });
  return zip(shifted, total, [&](double a, double sum) { return logarithm ? a - std::log(sum) : std::exp(a) / sum; });
}

// The loss of each row of scores, (N, V) and (N,) -> (N,).
inline array cross_entropy(const array& scores, const inlay::tensor<std::int64_t>& classes) {
  const array logs = softmax(scores, 1, true);
  array out({scores.sizes[0]});
  for (std::int64_t i = 0; i < scores.sizes[0]; ++i) out.at({i}) = -logs.at({i, classes.data()[i]});
  return out;
}

// (m, k) and (k, n), either given transposed.
inline array matmul(const array& a, const array& b, bool transpose_a = false, bool transpose_b = false) {
  const std::int64_t m = a.sizes[transpose_a ? 1 : 0], k = a.sizes[transpose_a ? 0 : 1],
                     n = b.sizes[transpose_b ? 0 : 1];
  const auto element = [](const array& x, bool transposed, std::int64_t i, std::int64_t j) {
    return x.values[static_cast<std::size_t>(transposed ? j * x.sizes[1] + i : i * x.sizes[1] + j)];
  };
  array c({m, n});
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t p = 0; p < k; ++p)
        c.values[static_cast<std::size_t>(i * n + j)] += element(a, transpose_a, i, p) * element(b, transpose_b, p, j);
  return c;
}

inline array permute(const array& x, const index& order) {
  index sizes;
  for (const std::int64_t axis : order) sizes.push_back(x.sizes[static_cast<std::size_t>(axis)]);
  array out(sizes);
  for_each(sizes, [&](const index& i) {
    index from(i.size());
    for (std::size_t axis = 0; axis < i.size(); ++axis) from[static_cast<std::size_t>(order[axis])] = i[axis];
    out.at(i) = x.at(from);
  });
  return out;
}

inline array concat(std::size_t axis, const std::vector<array>& parts) {
  index sizes = parts[0].sizes;
  for (std::size_t p = 1; p < parts.size(); ++p) sizes[axis] += parts[p].sizes[axis];
  array out(sizes);
  std::int64_t begin = 0;
  for (const array& part : parts) {
    for_each(part.sizes, [&](index i) {
      const double value = part.at(i);
      i[axis] += begin;
      out.at(i) = value;
    });
    begin += part.sizes[axis];
  }
  return out;
}

}  // namespace naive
