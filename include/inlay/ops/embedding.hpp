// embedding: y[…] = weight[indices[…]].  indices (…) of int32 or int64, weight (V, D) -> y (…, D).
// The weight's gradient has the rows that were read, each once, and nothing else.
#pragma once

#include <algorithm>

#include "../autograd/apply.hpp"
#include "../autograd/sparse_rows.hpp"

namespace inlay::inline v0_1 {

template <class I> concept index_element = std::is_same_v<I, std::int32_t> || std::is_same_v<I, std::int64_t>;

struct embedding_op {
  static constexpr const char* name = "embedding";
  std::int64_t padding_index = -1;  // the row that gets no gradient; -1: none
  static void attributes(auto& self, auto&& visit) { visit("padding_index", self.padding_index); }

  template <index_element I, floating T> tensor<T> forward(const tensor<I>& indices, const tensor<T>& w) const {
    check(indices, w);
    const std::int64_t features = w.dim(1);
    inlay::shape sizes = indices.shape();
    sizes.append(features);
    tensor<T> y = tensor<T>::empty(sizes);
    T* to = detail::writable(y);
    const T* from = w.data();
    const I* at = indices.data();
    parallel_for(indices.size(), std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(features, 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t i = first; i < last; ++i)
                     std::copy_n(from + static_cast<std::int64_t>(at[i]) * features, features, to + i * features);
                 });
    return y;
  }

  template <class I, class T> auto keep(const tensor<I>& indices, const tensor<T>&, const tensor<T>&) const {
    return indices;
  }

  template <class I, class T>
  void backward(const tensor<T>& dy, const tensor<I>& indices, const gradient<I>&, const gradient<T>& dw) const {
    if (!dw.wanted()) return;
    const std::int64_t features = dw.shape()[1], count = indices.size();
    // Places by what they read, and in order where they read the same.
    const I* at = indices.data();
    tensor<std::int64_t> places = tensor<std::int64_t>::empty({count});
    std::int64_t* place = detail::writable(places);
    std::int64_t* end = place;
    for (std::int64_t i = 0; i < count; ++i)
      if (at[i] != padding_index) *end++ = i;
    std::sort(place, end, [at](std::int64_t a, std::int64_t b) { return at[a] != at[b] ? at[a] < at[b] : a < b; });
    tensor<std::int64_t> starts = tensor<std::int64_t>::empty({end - place + 1});
    std::int64_t* start = detail::writable(starts);
    std::int64_t rows = 0;
    for (std::int64_t* p = place; p != end; ++p)
      if (p == place || at[*p] != at[p[-1]]) start[rows++] = p - place;
    start[rows] = end - place;

    tensor<std::int64_t> read = tensor<std::int64_t>::empty({rows});
    tensor<T> sums = tensor<T>::empty({rows, features});
    std::int64_t* row = detail::writable(read);
    T* out = detail::writable(sums);
    const T* from = dy.data();
    const isa level = active_isa();
    parallel_for(rows, std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(features, 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t r = first; r < last; ++r) {
                     row[r] = at[place[start[r]]];
                     T* to = std::copy_n(from + place[start[r]] * features, features, out + r * features) - features;
                     for (std::int64_t i = start[r] + 1; i < start[r + 1]; ++i)
                       dispatch<kernels::map<kernels::add, T>>(level, features, to, kernels::add{},
                                                               static_cast<const T*>(to), from + place[i] * features);
                   }
                 });
    dw.add(detail::sparse_rows<T>::gradient(dw.shape(), std::move(read), std::move(sums)));
  }

 private:
  template <class I, class T> static void check(const tensor<I>& indices, const tensor<T>& w) {
    if (w.rank() != 2) [[unlikely]]
      throw shape_error(name, {"expected a weight (V, D), got ", w.shape()});
    if (indices.rank() >= inlay::shape::max_rank) [[unlikely]]
      throw shape_error(name,
                        {"expected indices of at most ", inlay::shape::max_rank - 1, " axes, got ", indices.shape()});
    for (const I index : indices.values())
      if (index < 0 || index >= w.dim(0)) [[unlikely]]
        throw value_error(name, {"expected indices from 0 to ", w.dim(0) - 1, ", got ", index});
  }
};

// Throws value_error for an index outside the weight.
template <operand X, operand W> auto embedding(X&& indices, W&& weight, std::int64_t padding_index = -1) {
  return apply(embedding_op{padding_index}, std::forward<X>(indices), std::forward<W>(weight));
}

}  // namespace inlay::inline v0_1
