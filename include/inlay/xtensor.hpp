// Tensors and xtensor: adaptors without copying, and tensors from any xtensor expression. Both header layouts of
// xtensor (before and since 0.26) are found.
#pragma once

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#else
#include <xtensor/xadapt.hpp>
#endif

#include "core/tensor.hpp"

namespace inlay::inline v0_1 {

namespace detail {

template <std::size_t Rank, class T> std::array<std::size_t, Rank> xtensor_sizes(const tensor<T>& t) {
  if (t.rank() != static_cast<int>(Rank))
    throw shape_error("as_xtensor", {"expected a tensor of ", Rank, " axes, got ", t.shape()});
  std::array<std::size_t, Rank> sizes{};
  std::copy(t.shape().begin(), t.shape().end(), sizes.begin());
  return sizes;
}

}  // namespace detail

// An adaptor on the tensor's memory. The const form shares memory; the mutable form detaches from copies and pins, as
// tensor::data() does. Valid as long as the tensor.
template <element T> auto as_xtensor(const tensor<T>& t) {
  const std::vector<std::size_t> sizes(t.shape().begin(), t.shape().end());
  return xt::adapt(t.data(), static_cast<std::size_t>(t.size()), xt::no_ownership(), sizes);
}
template <element T> auto as_xtensor(tensor<T>& t) {
  const std::vector<std::size_t> sizes(t.shape().begin(), t.shape().end());
  return xt::adapt(t.data(), static_cast<std::size_t>(t.size()), xt::no_ownership(), sizes);
}

// The same with the rank known at compile time, for faster loops. Throws shape_error when it is another.
template <std::size_t Rank, element T> auto as_xtensor(const tensor<T>& t) {
  return xt::adapt(t.data(), static_cast<std::size_t>(t.size()), xt::no_ownership(), detail::xtensor_sizes<Rank>(t));
}
template <std::size_t Rank, element T> auto as_xtensor(tensor<T>& t) {
  return xt::adapt(t.data(), static_cast<std::size_t>(t.size()), xt::no_ownership(), detail::xtensor_sizes<Rank>(t));
}

// The values of an expression, evaluated once.
template <class E> auto from_xtensor(const xt::xexpression<E>& expression) {
  using T = typename E::value_type;
  const E& e = expression.derived_cast();
  shape sizes;
  for (const auto size : e.shape()) sizes.append(static_cast<std::int64_t>(size));
  tensor<T> out = empty<T>(sizes);
  out.write([&](std::span<T> values) {
    std::copy(e.template begin<xt::layout_type::row_major>(), e.template end<xt::layout_type::row_major>(),
              values.begin());
  });
  return out;
}

}  // namespace inlay::inline v0_1
