// embedding_bag: sums, means or maxima of rows of a weight, bag by bag, without the rows in between.
//   indices (N, L): each row is a bag; or (n,) with offsets (B,), where each bag begins.  weight (V, D) -> y (B, D)
// An empty bag gives 0. The gradient of sums and means has the rows that were read, as that of embedding.
#pragma once

#include "embedding.hpp"

namespace inlay::inline v0_1 {

enum class bag_mode { sum, mean, max };

struct embedding_bag_options {
  bag_mode mode = bag_mode::mean;
  std::int64_t padding_index = -1;  // a row that is passed over; -1: none
};

struct embedding_bag_op {
  static constexpr const char* name = "embedding_bag";
  embedding_bag_options options = {};
  static void attributes(auto& self, auto&& visit) {
    visit("mode", self.options.mode);
    visit("padding_index", self.options.padding_index);
  }

  template <class I, class T> struct kept {
    tensor<I> indices;
    tensor<std::int64_t> offsets;
    tensor<T> weight, shares;
    tensor<std::int64_t> best;  // of a maximum: which index each element came from
  };

  // shares (as indices, or absent): what a row is multiplied with; sums only.
  template <index_element I, floating T>
  tensor<T> forward(const tensor<I>& indices, const tensor<std::int64_t>& offsets, const tensor<T>& weight,
                    const tensor<T>& shares) const {
    return both(indices, offsets, weight, shares).result;
  }
  template <class I, class T>
  auto record(detail::tape_state*, const tensor<I>& indices, const tensor<std::int64_t>& offsets,
              const tensor<T>& weight, const tensor<T>& shares) const {
    return both(indices, offsets, weight, shares);
  }

  template <class I, class T>
  void backward(const tensor<T>& dy, const kept<I, T>& k, const gradient<I>&, const gradient<std::int64_t>&,
                const gradient<T>& dw, const gradient<T>& dshares) const {
    const std::int64_t features = k.weight.dim(1), count = k.indices.size();
    tensor<T> rows = dw.wanted() ? tensor<T>({count, features}) : tensor<T>();  // the gradient of each row read
    tensor<T> of_shares = dshares.wanted() && k.shares.size() > 0 ? tensor<T>(k.shares.shape()) : tensor<T>();
    T *to = detail::writable(rows), *share_to = detail::writable(of_shares);
    each_bag(k.indices, k.offsets, [&](std::int64_t bag, std::int64_t first, std::int64_t last) {
      const T* from = dy.data() + bag * features;
      const T mean = options.mode == bag_mode::mean ? T{1} / static_cast<T>(members(k.indices, first, last)) : T{1};
      for (std::int64_t i = first; i < last; ++i) {
        if (k.indices.data()[i] == options.padding_index) continue;
        const T share = k.shares.size() > 0 ? k.shares.data()[i] : mean;
        for (std::int64_t j = 0; to != nullptr && j < features; ++j)
          if (options.mode != bag_mode::max || k.best.data()[bag * features + j] == i)
            to[i * features + j] = share * from[j];
        if (share_to == nullptr) continue;
        const T* row = k.weight.data() + static_cast<std::int64_t>(k.indices.data()[i]) * features;
        for (std::int64_t j = 0; j < features; ++j) share_to[i] += row[j] * from[j];
      }
    });
    if (dw.wanted())
      embedding_op{options.padding_index}.backward(rows, k.indices.reshape(shape{count}), gradient<I>(nullptr), dw);
    if (dshares.wanted()) dshares.add(std::move(of_shares));
  }

 private:
  template <class I, class T>
  recorded<T, kept<I, T>> both(const tensor<I>& indices, const tensor<std::int64_t>& offsets, const tensor<T>& weight,
                               const tensor<T>& shares) const {
    check(indices, offsets, weight, shares);
    const std::int64_t features = weight.dim(1), bags = indices.rank() == 1 ? offsets.size() : indices.dim(0);
    tensor<T> y({bags, features});
    auto best = options.mode == bag_mode::max ? tensor<std::int64_t>({bags, features}, -1) : tensor<std::int64_t>();
    T* out = detail::writable(y);
    std::int64_t* winners = detail::writable(best);
    each_bag(indices, offsets, [&](std::int64_t bag, std::int64_t first, std::int64_t last) {
      T* to = out + bag * features;
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t index = indices.data()[i];
        if (index == options.padding_index) continue;
        const T* row = weight.data() + index * features;
        if (options.mode == bag_mode::max) {
          std::int64_t* winner = winners + bag * features;
          for (std::int64_t j = 0; j < features; ++j)
            if (winner[j] < 0 || row[j] > to[j]) to[j] = row[j], winner[j] = i;
        } else {
          const T share = shares.size() > 0 ? shares.data()[i] : T{1};
          for (std::int64_t j = 0; j < features; ++j) to[j] += share * row[j];
        }
      }
      const std::int64_t count = members(indices, first, last);
      if (options.mode == bag_mode::mean && count > 0)
        for (std::int64_t j = 0; j < features; ++j) to[j] /= static_cast<T>(count);
    });
    return {std::move(y), {indices, offsets, weight, shares, std::move(best)}};
  }

  template <class I> std::int64_t members(const tensor<I>& indices, std::int64_t first, std::int64_t last) const {
    std::int64_t count = 0;
    for (std::int64_t i = first; i < last; ++i) count += indices.data()[i] != options.padding_index;
    return count;
  }

  // f(bag, first index, last index)
  template <class I, class F>
  static void each_bag(const tensor<I>& indices, const tensor<std::int64_t>& offsets, F&& f) {
    const bool ragged = indices.rank() == 1;
    const std::int64_t bags = ragged ? offsets.size() : indices.dim(0), each = ragged ? 1 : indices.dim(1);
    parallel_for(bags, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b)
        if (ragged)
          f(b, offsets.data()[b], b + 1 < bags ? offsets.data()[b + 1] : indices.size());
        else
          f(b, b * each, (b + 1) * each);
    });
  }

  template <class I, class T>
  void check(const tensor<I>& indices, const tensor<std::int64_t>& offsets, const tensor<T>& weight,
             const tensor<T>& shares) const {
    if (weight.rank() != 2) [[unlikely]]
      throw shape_error(name, {"expected a weight (V, D), got ", weight.shape()});
    const bool ragged = indices.rank() == 1;
    if ((!ragged && indices.rank() != 2) || offsets.rank() != 1 || (offsets.size() > 0 && !ragged) ||
        (offsets.size() == 0 && ragged && indices.size() > 0)) [[unlikely]]
      throw shape_error(name, {"expected indices (N, L), or (n,) with offsets (B,), got ", indices.shape(),
                               " with offsets ", offsets.shape()});
    if (shares.size() > 0 && (options.mode != bag_mode::sum || !(shares.shape() == indices.shape()))) [[unlikely]]
      throw shape_error(name, {"expected weights of the indices for sums only, of shape ", indices.shape(), ", got ",
                               shares.shape()});
    for (std::int64_t b = 0; b < offsets.size(); ++b)
      if (offsets.data()[b] < (b == 0 ? 0 : offsets.data()[b - 1]) || offsets.data()[b] > indices.size() ||
          (b == 0 && offsets.data()[b] != 0)) [[unlikely]]
        throw value_error(name, {"expected offsets from 0 on that do not fall, up to ", indices.size(), ", got ",
                                 offsets.data()[b], " at ", b});
    for (const I index : indices.values())
      if (index < 0 || index >= weight.dim(0)) [[unlikely]]
        throw value_error(name, {"expected indices from 0 to ", weight.dim(0) - 1, ", got ", index});
  }
};

// Throws shape_error, and value_error for an index outside the weight.
template <operand X, operand W> auto embedding_bag(X&& indices, W&& weight, const embedding_bag_options& options = {}) {
  using T = detail::element_of<W>;
  return apply(embedding_bag_op{options}, std::forward<X>(indices), tensor<std::int64_t>(), std::forward<W>(weight),
               tensor<T>());
}
// Bags of any length: `offsets` (B,) says where each begins among indices (n,).
template <operand X, operand W>
auto embedding_bag(X&& indices, const tensor<std::int64_t>& offsets, W&& weight,
                   const embedding_bag_options& options = {}) {
  using T = detail::element_of<W>;
  return apply(embedding_bag_op{options}, std::forward<X>(indices), offsets, std::forward<W>(weight), tensor<T>());
}
// Weighted sums: `shares` has the shape of the indices.
template <operand X, operand W, operand S>
auto weighted_embedding_bag(X&& indices, W&& weight, S&& shares,
                            const embedding_bag_options& options = {.mode = bag_mode::sum}) {
  return apply(embedding_bag_op{options}, std::forward<X>(indices), tensor<std::int64_t>(), std::forward<W>(weight),
               std::forward<S>(shares));
}

}  // namespace inlay::inline v0_1
