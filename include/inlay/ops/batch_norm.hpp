// Batch normalisation (Ioffe and Szegedy, 2015): y = (x - mean) / sqrt(variance + epsilon) * weight + bias for each
// channel.  x (N, C, …) -> y of the same shape; weight, bias, mean, variance (C,).
#pragma once

#include "../kernels/norm.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

struct batch_norm_options {
  double epsilon = 1e-5;          // keeps the root away from 0
  bool batch_statistics = false;  // mean and variance are those of x, and x has a gradient through them
};

// Mean and biased variance of each channel, (C,).
template <class T> struct channel_moments { tensor<T> mean, variance; };

namespace detail {

// x (N, C, …) as its kernels see it.
struct channel_view {
  explicit channel_view(const shape& sizes)
      : batch(sizes[0]), channels(sizes[1]), length(sizes.count(2, sizes.rank())) {}

  // f(first, last) for channels, whose bits do not depend on the cut.
  template <class F> void for_channels(F&& f) const {
    const std::int64_t grain = map_grain / std::max<std::int64_t>(batch * length, 1);
    parallel_for(channels, std::max<std::int64_t>(grain, length == 1 ? 16 : 1), f);
  }
  // f(first, last) for the planes of (N, C).
  template <class F> void for_planes(F&& f) const {
    if (length == 0) return;
    parallel_for(batch * channels, std::max<std::int64_t>(map_grain / length, 1), f);
  }

  std::int64_t batch, channels, length;
};

template <class T> tensor<T> inverse_deviation(const tensor<T>& variance, double epsilon, const T* weight) {
  tensor<T> out = tensor<T>::empty(variance.shape());
  dispatch<kernels::inverse_deviation<T>>(active_isa(), variance.data(), static_cast<T>(epsilon), weight, writable(out),
                                          out.size());
  return out;
}

template <class T>
tensor<T> channel_affine(const tensor<T>& x, const T* center, const tensor<T>& scale, const T* shift) {
  const channel_view of(x.shape());
  tensor<T> y = tensor<T>::empty(x.shape());
  T* to = writable(y);
  const isa level = active_isa();
  of.for_planes([&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_affine<T>>(level, x.data(), center, scale.data(), shift, to, of.channels, of.length,
                                         first, last);
  });
  return y;
}

}  // namespace detail

struct batch_norm_op {
  static constexpr const char* name = "batch_norm";
  double epsilon = 1e-5;
  bool batch_statistics = false;
  static void attributes(auto& self, auto&& visit) {
    visit("epsilon", self.epsilon);
    visit("batch_statistics", self.batch_statistics);
  }

  template <floating T>
  tensor<T> forward(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias, const tensor<T>& mean,
                    const tensor<T>& variance) const {
    check(x.shape(), weight.shape(), bias.shape(), mean.shape(), variance.shape());
    return detail::channel_affine(x, mean.data(), detail::inverse_deviation(variance, epsilon, data_of(weight)),
                                  data_of(bias));
  }

  template <class T> struct kept {
    tensor<T> x, weight, mean, variance;
    bool biased = false;
  };
  template <class T>
  auto keep(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias, const tensor<T>& mean,
            const tensor<T>& variance, const tensor<T>&) const {
    return kept<T>{x, weight, mean, variance, bias.size() > 0};
  }

  template <class T>
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dw,
                const gradient<T>& db, const gradient<T>&, const gradient<T>&) const {
    const detail::channel_view of(k.x.shape());
    const bool weighted = k.weight.size() > 0, through = batch_statistics && dx.wanted();
    const tensor<T> inverse = detail::inverse_deviation<T>(k.variance, epsilon, nullptr);
    const tensor<T> scale = weighted ? detail::inverse_deviation(k.variance, epsilon, k.weight.data()) : inverse;
    tensor<T> sums, products;
    if (through || (dw.wanted() && weighted) || (db.wanted() && k.biased)) {
      sums = tensor<T>::empty(k.mean.shape());
      products = tensor<T>::empty(k.mean.shape());
      add_up(of, dy, k, inverse, detail::writable(products), detail::writable(sums));
    }
    if (through)
      dx.add(through_statistics(of, dy, k, inverse, scale, products, sums));
    else if (dx.wanted())
      dx.add(detail::channel_affine<T>(dy, nullptr, scale, nullptr));
    if (dw.wanted() && weighted) dw.add(std::move(products));
    if (db.wanted() && k.biased) db.add(std::move(sums));
  }

 private:
  template <class T> static const T* data_of(const tensor<T>& t) { return t.size() > 0 ? t.data() : nullptr; }

  template <class T>
  static void add_up(const detail::channel_view& of, const tensor<T>& dy, const kept<T>& k, const tensor<T>& inverse,
                     T* dw, T* db) {
    const isa level = active_isa();
    of.for_channels([&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::channel_gradient_sums<T>>(level, dy.data(), k.x.data(), k.mean.data(), inverse.data(), dw, db,
                                                  of.batch, of.channels, of.length, first, last);
    });
  }

  template <class T>
  static tensor<T> through_statistics(const detail::channel_view& of, const tensor<T>& dy, const kept<T>& k,
                                      const tensor<T>& inverse, const tensor<T>& scale, const tensor<T>& dw,
                                      const tensor<T>& db) {
    tensor<T> out = tensor<T>::empty(dy.shape());
    T* to = detail::writable(out);
    const T share = static_cast<T>(1 / static_cast<double>(of.batch * of.length));
    const isa level = active_isa();
    of.for_planes([&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::channel_gradient<T>>(level, dy.data(), k.x.data(), k.mean.data(), inverse.data(), scale.data(),
                                             dw.data(), db.data(), to, share, of.channels, of.length, first, last);
    });
    return out;
  }

  static void check(const shape& x, const shape& weight, const shape& bias, const shape& mean, const shape& variance) {
    if (mean.rank() != 1) [[unlikely]]
      throw shape_error(name, {"expected a mean (C,), got ", mean});
    if (x.rank() < 2 || x[1] != mean[0]) [[unlikely]]
      throw shape_error(name, {"expected input (N, ", mean[0], ", …), got ", x});
    const auto check_one = [&](const char* what, const shape& got) {
      if (!(got == mean)) [[unlikely]]
        throw shape_error(name, {"expected a ", what, " ", mean, ", got ", got});
    };
    check_one("variance", variance);
    if (weight.size() > 0) check_one("weight", weight);
    if (bias.size() > 0) check_one("bias", bias);
  }
};

// Of x (N, C, …), over all axes but the second.
template <floating T> channel_moments<T> batch_statistics(const tensor<T>& x) {
  if (x.rank() < 2 || x.size() == 0) [[unlikely]]
    throw shape_error("batch_statistics", {"expected input (N, C, …) with at least one element, got ", x.shape()});
  const detail::channel_view of(x.shape());
  channel_moments<T> out{tensor<T>::empty({of.channels}), tensor<T>::empty({of.channels})};
  T *mean = detail::writable(out.mean), *variance = detail::writable(out.variance);
  const isa level = active_isa();
  of.for_channels([&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_statistics<T>>(level, x.data(), mean, variance, of.batch, of.channels, of.length, first,
                                             last);
  });
  return out;
}

// An empty weight counts as 1, an empty bias as 0. No gradient goes to mean and variance themselves.
template <operand X, operand W, operand B, operand M, operand V>
auto batch_norm(X&& x, W&& weight, B&& bias, M&& mean, V&& variance, const batch_norm_options& options = {}) {
  return apply(batch_norm_op{options.epsilon, options.batch_statistics}, std::forward<X>(x), std::forward<W>(weight),
               std::forward<B>(bias), std::forward<M>(mean), std::forward<V>(variance));
}

}  // namespace inlay::inline v0_1
