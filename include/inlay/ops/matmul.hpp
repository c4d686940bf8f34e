// matmul: matrix product over the last two axes, as numpy.matmul: leading axes broadcast, a vector counts as one row
// or one column. Either operand may be taken as transposed without a copy.
#pragma once

#include "gemm.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

struct matmul_options {
  bool transpose_a = false;  // a is (…, k, m)
  bool transpose_b = false;  // b is (…, n, k)
};

struct matmul_op {
  static constexpr const char* name = "matmul";
  matmul_options options = {};
  static void attributes(auto& self, auto&& visit) {
    visit("transpose_a", self.options.transpose_a);
    visit("transpose_b", self.options.transpose_b);
  }
  std::int64_t multiply_adds(std::span<const shape> operands, const shape& c) const {
    return c.size() * check(operands[0], operands[1]).k;
  }

  template <floating T> tensor<T> forward(const tensor<T>& a, const tensor<T>& b) const {
    const sizes s = check(a.shape(), b.shape());
    const shape batch = broadcast(name, s.batch_a, s.batch_b);
    shape full = batch;
    full.append(s.m);
    full.append(s.n);
    tensor<T> c = tensor<T>::empty(full);
    T* to = detail::writable(c);
    const auto at_a = detail::broadcast_steps_of(s.batch_a, batch), at_b = detail::broadcast_steps_of(s.batch_b, batch);
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const T* left = a.data() + detail::offset_of(i, batch, at_a) * s.m * s.k;
      const T* right = b.data() + detail::offset_of(i, batch, at_b) * s.k * s.n;
      const kernels::strided<T> view_a =
          options.transpose_a ? kernels::strided<T>{left, 1, s.m} : kernels::strided<T>{left, s.k, 1};
      const kernels::strided<T> view_b =
          options.transpose_b ? kernels::strided<T>{right, 1, s.k} : kernels::strided<T>{right, s.n, 1};
      detail::gemm<T>(s.m, s.n, s.k, view_a, b, view_b, to + i * s.m * s.n);
    }
    shape result = batch;
    if (a.rank() > 1) result.append(s.m);
    if (b.rank() > 1) result.append(s.n);
    return std::move(c).reshape(result);
  }

  template <class T> auto keep(const tensor<T>& a, const tensor<T>& b, const tensor<T>&) const {
    return std::pair(a, b);
  }

  template <class T>
  void backward(const tensor<T>& dc, const std::pair<tensor<T>, tensor<T>>& kept, const gradient<T>& da,
                const gradient<T>& db) const {
    // As matrices: C = A B, dA = dC B^T, dB = A^T dC; a transposed operand gets the transposed gradient.
    const sizes s = check(kept.first.shape(), kept.second.shape());
    const tensor<T> a = matrix(kept.first, true), b = matrix(kept.second, false);
    shape full = broadcast(name, s.batch_a, s.batch_b);
    full.append(s.m);
    full.append(s.n);
    const tensor<T> g = dc.reshape(full);
    const bool ta = options.transpose_a, tb = options.transpose_b;
    if (da.wanted()) {
      const tensor<T> full_da = ta ? matmul_op{{tb, true}}.forward(b, g) : matmul_op{{false, !tb}}.forward(g, b);
      da.add(detail::sum_to(full_da, a.shape()).reshape(da.shape()));
    }
    if (db.wanted()) {
      const tensor<T> full_db = tb ? matmul_op{{true, ta}}.forward(g, a) : matmul_op{{!ta, false}}.forward(a, g);
      db.add(detail::sum_to(full_db, b.shape()).reshape(db.shape()));
    }
  }

 private:
  struct sizes {
    std::int64_t m, n, k;
    shape batch_a, batch_b;
  };

  template <class T> tensor<T> matrix(const tensor<T>& x, bool left) const {
    if (x.rank() > 1) return x;
    return left != options_transposed(left) ? x.reshape({1, x.dim(0)}) : x.reshape({x.dim(0), 1});
  }
  bool options_transposed(bool left) const { return left ? options.transpose_a : options.transpose_b; }

  sizes check(const shape& a, const shape& b) const {
    if (a.rank() < 1 || b.rank() < 1) [[unlikely]]
      fail(a, b);
    sizes s{};
    for (int i = 0; i + 2 < a.rank(); ++i) s.batch_a.append(a[i]);
    for (int i = 0; i + 2 < b.rank(); ++i) s.batch_b.append(b[i]);
    s.m = a.rank() == 1 ? 1 : a[options.transpose_a ? -1 : -2];
    s.k = a.rank() == 1 ? a[0] : a[options.transpose_a ? -2 : -1];
    s.n = b.rank() == 1 ? 1 : b[options.transpose_b ? -2 : -1];
    if (s.k != (b.rank() == 1 ? b[0] : b[options.transpose_b ? -1 : -2])) [[unlikely]]
      fail(a, b);
    return s;
  }
  [[noreturn]] INLAY_COLD void fail(const shape& a, const shape& b) const {
    throw shape_error(name, {"expected (…, m, k) and (…, k, n), got ", a, options.transpose_a ? " transposed" : "",
                             " and ", b, options.transpose_b ? " transposed" : ""});
  }
};

template <operand A, operand B> auto matmul(A&& a, B&& b, const matmul_options& options = {}) {
  return apply(matmul_op{options}, std::forward<A>(a), std::forward<B>(b));
}

}  // namespace inlay::inline v0_1
