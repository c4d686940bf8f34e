// concat: operands joined along an axis, all other sizes agree. stack: operands of one shape along a new axis.
#pragma once

#include "map.hpp"
#include "reshape.hpp"

namespace inlay::inline v0_1 {

struct concat_op {
  static constexpr const char* name = "concat";
  std::int64_t axis = 0;
  static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }

  template <class T, class... Rest> tensor<T> forward(const tensor<T>& first, const Rest&... rest) const {
    const tensor<T>* parts[] = {&first, &rest...};
    const int along = first.shape().index(axis);
    std::int64_t total = 0;
    for (const tensor<T>* part : parts) {
      if (part->rank() != first.rank() || !(part->shape().with(along, 0) == first.shape().with(along, 0))) [[unlikely]]
        throw shape_error(name, {"expected shapes that differ along axis ", axis, " only, got ", first.shape(), " and ",
                                 part->shape()});
      total += part->dim(along);
    }
    tensor<T> out = tensor<T>::empty(first.shape().with(along, total));
    T* to = detail::writable(out);
    const std::int64_t outer = first.shape().count(0, along), inner = first.shape().count(along + 1, first.rank());
    std::int64_t begin = 0;
    for (const tensor<T>* part : parts) {
      const std::int64_t length = part->dim(along) * inner;
      for (std::int64_t i = 0; i < outer && length > 0; ++i)
        std::copy_n(part->data() + i * length, length, to + i * total * inner + begin);
      begin += length;
    }
    return out;
  }

  // What backward needs is where each part lies. Two arguments at least: one alone would be a keep of the result.
  template <class T, class... Rest>
  auto keep(const tensor<T>& first, const tensor<T>& second, const Rest&... rest) const {
    const tensor<T>* all[] = {&first, &second, &rest...};  // the last one is the result
    std::array<std::int64_t, 1 + sizeof...(Rest)> sizes{};
    for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = all[i]->dim(axis);
    return sizes;
  }

  template <class T, std::size_t N, class... Gradient>
  void backward(const tensor<T>& dy, const std::array<std::int64_t, N>& sizes, const Gradient&... parts) const {
    std::int64_t begin = 0;
    std::size_t i = 0;
    (give(dy, parts, begin, sizes[i++]), ...);
  }

 private:
  template <class T>
  void give(const tensor<T>& dy, const gradient<T>& part, std::int64_t& begin, std::int64_t size) const {
    if (part.wanted()) {
      const std::int64_t inner = dy.shape().count(dy.shape().index(axis) + 1, dy.rank());
      part.add(detail::copy_view(dy.data() + begin * inner, part.shape(), detail::contiguous_steps(dy.shape())));
    }
    begin += size;
  }
};

template <operand A, operand... B> auto concat(std::int64_t axis, A&& first, B&&... rest) {
  return apply(concat_op{axis}, std::forward<A>(first), std::forward<B>(rest)...);
}

// A list of operands, joined in halves. Throws shape_error when it is empty.
template <operand X> X concat(std::int64_t axis, std::span<const X> parts) {
  if (parts.empty()) throw shape_error(concat_op::name, {"expected at least one operand, got none"});
  if (parts.size() == 1) return parts[0];
  const std::size_t half = parts.size() / 2;
  return apply(concat_op{axis}, concat(axis, parts.first(half)), concat(axis, parts.subspan(half)));
}
template <operand X> X concat(std::int64_t axis, const std::vector<X>& parts) {
  return concat(axis, std::span<const X>(parts));
}

// The result has one axis more. Throws shape_error when the shapes differ.
template <operand A, operand... B> auto stack(std::int64_t axis, A&& first, B&&... rest) {
  return concat(axis, unsqueeze(std::forward<A>(first), axis), unsqueeze(std::forward<B>(rest), axis)...);
}
template <operand X> auto stack(std::int64_t axis, std::span<const X> parts) {
  std::vector<decltype(unsqueeze(parts[0], axis))> with_axis;
  for (const X& part : parts) with_axis.push_back(unsqueeze(part, axis));
  return concat(axis, with_axis);
}
template <operand X> auto stack(std::int64_t axis, const std::vector<X>& parts) {
  return stack(axis, std::span<const X>(parts));
}

}  // namespace inlay::inline v0_1
