// sparse_rows: a gradient of which only some rows are not zero, such as that of an embedding. It is a tensor like any
// other to whoever looks at its elements; an optimiser that can leaves the other rows alone.
#pragma once

#include "cell.hpp"

namespace inlay::inline v0_1::detail {

template <floating T> class sparse_rows final : public representation {
 public:
  // Rows `indices`, rising, of a tensor of shape `sizes`; elements (indices, …).
  sparse_rows(const inlay::shape& sizes, tensor<std::int64_t> indices, tensor<T> elements)
      : shape_(sizes), indices_(std::move(indices)), elements_(std::move(elements)) {}

  static tensor<T> gradient(const inlay::shape& sizes, tensor<std::int64_t> indices, tensor<T> elements) {
    return tensor<T>::represented(make(sizes, std::move(indices), std::move(elements)));
  }

  const char* name() const noexcept override { return "rows"; }
  dtype type() const noexcept override { return dtype_of<T>; }
  const inlay::shape& shape() const noexcept override { return shape_; }
  std::optional<row_list> rows() const noexcept override { return row_list{indices_.values(), elements_.data()}; }
  void write_elements(void* to) const override {
    std::memset(to, 0, static_cast<std::size_t>(shape_.size()) * sizeof(T));
    for (std::int64_t i = 0; i < indices_.size(); ++i)
      std::copy_n(elements_.data() + i * each(), each(), static_cast<T*>(to) + indices_.data()[i] * each());
  }
  std::vector<std::pair<std::string, any_tensor>> parts() const override {
    return {{"", elements_}, {"indices", indices_}};
  }

  // Rows that both have are added; the order of a sum is that of the dense gradients.
  std::shared_ptr<const representation> plus(const representation& other) const override {
    const std::optional<row_list> theirs = other.rows();
    if (!theirs) return nullptr;
    const std::span<const std::int64_t> a = indices_.values(), b = theirs->indices;
    const T* elements_of_b = static_cast<const T*>(theirs->elements);
    std::int64_t count = 0;
    merge(a, b, [&](auto, auto) { ++count; });
    tensor<std::int64_t> indices = tensor<std::int64_t>::empty({count});
    tensor<T> elements = tensor<T>::empty(shape_.with(0, count));
    std::int64_t* index = writable(indices);
    T* to = writable(elements);
    merge(a, b, [&](std::int64_t i, std::int64_t j) {
      const T* first = i < 0 ? nullptr : elements_.data() + i * each();
      const T* second = j < 0 ? nullptr : elements_of_b + j * each();
      *index++ = i < 0 ? b[static_cast<std::size_t>(j)] : a[static_cast<std::size_t>(i)];
      for (std::int64_t k = 0; k < each(); ++k)
        *to++ = first == nullptr ? second[k] : second == nullptr ? first[k] : first[k] + second[k];
    });
    return make(shape_, std::move(indices), std::move(elements));
  }

 private:
  static std::shared_ptr<const sparse_rows> make(const inlay::shape& sizes, tensor<std::int64_t> indices,
                                                 tensor<T> elements) {
    return std::allocate_shared<const sparse_rows>(pool_allocator<sparse_rows>(), sizes, std::move(indices),
                                                   std::move(elements));
  }
  std::int64_t each() const noexcept { return shape_.count(1, shape_.rank()); }

  // f(place in a, place in b) for every index of either, rising; -1 where it has none.
  template <class F> static void merge(std::span<const std::int64_t> a, std::span<const std::int64_t> b, F&& f) {
    std::size_t i = 0, j = 0;
    while (i < a.size() || j < b.size()) {
      const bool left = j == b.size() || (i < a.size() && a[i] <= b[j]),
                 right = i == a.size() || (j < b.size() && b[j] <= a[i]);
      f(left ? static_cast<std::int64_t>(i) : -1, right ? static_cast<std::int64_t>(j) : -1);
      i += left, j += right;
    }
  }

  inlay::shape shape_;
  tensor<std::int64_t> indices_;
  tensor<T> elements_;
};

}  // namespace inlay::inline v0_1::detail
