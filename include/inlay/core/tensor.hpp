// tensor<T>: a value of run-time shape, row-major and contiguous, on counted memory.
// Copies are O(1) and share memory until one of them is written (copy on write). A tensor that has handed out a
// lasting mutable pointer or reference is pinned: its next copy is deep, so the pointer never writes into a copy.
// A representation may stand for the elements; they are then made when they are first looked at.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>

#include "block.hpp"
#include "dtype.hpp"
#include "representation.hpp"
#include "shape.hpp"

namespace inlay::inline v0_1 {

template <element T> class tensor {
 public:
  using value_type = T;

  tensor() noexcept : shape_(inlay::shape::none()) {}  // no elements: shape (0,)

  // A tensor filled with one value. Throws memory_error.
  INLAY_OUTLINE explicit tensor(inlay::shape sizes, T fill = {}) : tensor(uninitialised{}, sizes) {
    std::fill_n(first_, size(), fill);
  }

  INLAY_OUTLINE tensor(const tensor& other) : block_(other.block_), first_(other.first_), shape_(other.shape_) {
    if (block_ && block_->pinned) [[unlikely]]
      own_copy();
  }
  INLAY_OUTLINE tensor(tensor&& other) noexcept
      : block_(std::move(other.block_)),
        first_(std::exchange(other.first_, nullptr)),
        shape_(std::exchange(other.shape_, inlay::shape::none())) {}
  tensor& operator=(const tensor& other) { return this == &other ? *this : *this = tensor(other); }
  INLAY_OUTLINE tensor& operator=(tensor&& other) noexcept {
    block_ = std::move(other.block_);
    first_ = std::exchange(other.first_, nullptr);
    shape_ = std::exchange(other.shape_, inlay::shape::none());
    return *this;
  }
  ~tensor() = default;

  // Elements are left as they come; for results that are written whole.
  static tensor empty(const inlay::shape& sizes) { return tensor(uninitialised{}, sizes); }

  // A tensor on memory of the host: row-major, of sizes.size() elements, alive as long as `owner` is held.
  // Memory that is not aligned for T is copied. With access::write, writes go to the host's memory and copies are deep;
  // with access::read the host promises not to change it, and the first write makes a copy.
  INLAY_OUTLINE static tensor foreign(T* data, const inlay::shape& sizes, std::shared_ptr<const void> owner,
                                      access rights) {
    if (data == nullptr && sizes.size() > 0)
      throw value_error("tensor", {"expected foreign memory, got a null pointer"});
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) != 0) {
      tensor copy = empty(sizes);
      if (copy.size() > 0) std::memcpy(copy.first_, data, copy.bytes());
      return copy;
    }
    tensor out;
    out.block_ = detail::block_ptr::foreign(data, rights, std::move(owner));
    out.first_ = data;
    out.shape_ = sizes;
    return out;
  }
  static tensor foreign(const T* data, const inlay::shape& sizes, std::shared_ptr<const void> owner) {
    return foreign(const_cast<T*>(data), sizes, std::move(owner), access::read);
  }

  // A tensor that `what` stands for. Throws type_error when its elements are of another type.
  static tensor represented(std::shared_ptr<const inlay::representation> what) {
    if (what->type() != dtype_of<T>)
      throw type_error("tensor", {"expected elements of ", name(dtype_of<T>), ", got ", name(what->type())});
    tensor out;
    out.shape_ = what->shape();
    out.block_ = detail::block_ptr::represented(std::move(what));
    return out;
  }

  // What stands for the elements, for operations that can work on it; null for a tensor that just has them.
  const inlay::representation* representation() const noexcept { return block_.standing_for(first_, shape_); }
  // Adds a tensor of the same shape when a representation can stand for the sum; else changes nothing.
  bool add_represented(const tensor& other) {
    return first_ == nullptr && other.first_ == nullptr && block_.add_represented(other.block_, shape_);
  }
  // Whether elements exist in memory: always, but for a represented tensor that nobody has looked into.
  bool has_elements() const noexcept { return first_ != nullptr || size() == 0 || block_.has_elements(); }

  const inlay::shape& shape() const noexcept { return shape_; }
  std::int64_t dim(std::int64_t axis) const { return shape_[axis]; }
  int rank() const noexcept { return shape_.rank(); }
  std::int64_t size() const noexcept { return shape_.size(); }
  std::size_t bytes() const noexcept { return static_cast<std::size_t>(size()) * sizeof(T); }

  const T* data() const { return first_ != nullptr ? first_ : static_cast<const T*>(block_.made(bytes())); }
  INLAY_INLINE std::span<const T> values() const { return {data(), static_cast<std::size_t>(size())}; }

  // Mutable memory for the host to keep: detaches from copies and pins.
  T* data() {
    detach();
    if (block_) block_->pinned = true;
    return first_;
  }

  // Mutable values for the duration of f(std::span<T>): detaches, does not pin.
  template <class F> INLAY_INLINE void write(F&& f) {
    detach();
    f(std::span<T>{first_, static_cast<std::size_t>(size())});
  }

  // Elements by index, unchecked; the mutable form detaches and pins, as data() does.
  template <class... Index> const T& operator()(Index... index) const { return data()[offset(index...)]; }
  template <class... Index> T& operator()(Index... index) { return data()[offset(index...)]; }

  // Checked element by index. Throws shape_error.
  template <class... Index> const T& at(Index... index) const {
    check_index(std::array<std::int64_t, sizeof...(Index)>{static_cast<std::int64_t>(index)...});
    return (*this)(index...);
  }
  template <class... Index> T& at(Index... index) {
    std::as_const(*this).at(index...);
    return (*this)(index...);
  }

  // The only element. Throws shape_error when there is not exactly one.
  T item() const {
    if (size() != 1) [[unlikely]]
      throw shape_error("item", {"expected a tensor of one element, got ", shape_});
    return *data();
  }

  // The same values under another shape, O(1); one size may be -1 and follows from the others. Throws shape_error.
  tensor reshape(std::initializer_list<std::int64_t> sizes) const& { return tensor(*this).reshape(sizes); }
  tensor reshape(std::initializer_list<std::int64_t> sizes) && {
    return std::move(*this).reshape(resolve({sizes.begin(), sizes.size()}));
  }
  tensor reshape(const inlay::shape& sizes) const& { return tensor(*this).reshape(sizes); }
  INLAY_OUTLINE tensor reshape(const inlay::shape& sizes) && {
    if (sizes.size() != size()) [[unlikely]]
      throw shape_error("reshape", {"expected a shape of ", size(), " elements, got ", sizes, " from ", shape_});
    shape_ = sizes;
    return std::move(*this);
  }

  // Rows [first, last) of the first axis, O(1). Throws shape_error.
  INLAY_OUTLINE tensor slice(std::int64_t first, std::int64_t last) const {
    if (rank() == 0 || first < 0 || last < first || last > dim(0)) [[unlikely]]
      throw shape_error("slice",
                        {"expected 0 <= first <= last <= rows of ", shape_, ", got [", first, ", ", last, ")"});
    tensor out = *this;
    out.shape_ = shape_.with(0, last - first);
    if (const T* all = std::as_const(out).data()) out.first_ = const_cast<T*>(all) + first * shape_.count(1, rank());
    return out;
  }

  // Values converted as static_cast does; out-of-range conversions to integers saturate, NaN becomes 0.
  template <element U> tensor<U> cast() const;

  // Where things made from the contents may be kept; null unless the tensor is the value of a weight.
  detail::block* keeper() const noexcept {
    return block_ && block_->keeps_forms && !block_->pinned ? &*block_ : nullptr;
  }
  void become_keeper() noexcept {
    if (block_) block_->keeps_forms = true;
  }

  // True when writing would not copy: nobody shares the memory, and it is not the host's.
  bool writable_in_place() const noexcept { return block_ && block_.unique() && !block_->pinned && !block_->read_only; }

  bool shares_memory_with(const tensor& other) const noexcept {
    return block_ && other.block_ && &*block_ == &*other.block_;
  }

 private:
  struct uninitialised {};
  INLAY_OUTLINE tensor(uninitialised, const inlay::shape& sizes)
      : block_(detail::block_ptr::of_size(static_cast<std::size_t>(sizes.size()) * sizeof(T))),
        first_(block_ ? reinterpret_cast<T*>(block_->bytes) : nullptr),
        shape_(sizes) {}

  INLAY_OUTLINE void detach() {
    if (!block_) return;
    if (!block_.unique() || block_->read_only)
      own_copy();
    else if (block_->forms.load(std::memory_order_relaxed) != nullptr)
      block_->drop_forms();
  }
  INLAY_COLD void own_copy() {
    tensor copy(uninitialised{}, shape_);
    if (size() > 0) std::memcpy(copy.first_, std::as_const(*this).data(), bytes());
    *this = std::move(copy);
  }

  template <class... Index> std::int64_t offset(Index... index) const noexcept {
    const std::int64_t indices[] = {static_cast<std::int64_t>(index)..., 0};
    std::int64_t out = 0;
    for (std::size_t i = 0; i < sizeof...(Index); ++i) out = out * shape_.begin()[i] + indices[i];
    return out;
  }

  template <std::size_t N> void check_index(const std::array<std::int64_t, N>& index) const {
    bool inside = static_cast<int>(N) == rank();
    for (std::size_t i = 0; inside && i < N; ++i) inside = index[i] >= 0 && index[i] < shape_.begin()[i];
    if (!inside) [[unlikely]]
      throw shape_error(
          "at", {"expected an index into ", shape_, ", got ", detail::piece(index.data(), static_cast<int>(N))});
  }

  inlay::shape resolve(std::span<const std::int64_t> sizes) const {
    inlay::shape out;
    int open = -1;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i] == -1 && open < 0) open = static_cast<int>(i);
      out.append(sizes[i] == -1 && open == static_cast<int>(i) ? 1 : sizes[i]);
    }
    return open < 0 || out.size() == 0 ? out : out.with(open, size() / out.size());
  }

  friend class any_tensor;  // the same parts, without the type

  detail::block_ptr block_;
  T* first_ = nullptr;
  inlay::shape shape_;
};

template <element T> tensor<T> zeros(const shape& sizes) { return tensor<T>(sizes); }
template <element T> tensor<T> ones(const shape& sizes) { return tensor<T>(sizes, T{1}); }
template <element T> tensor<T> full(const shape& sizes, T value) { return tensor<T>(sizes, value); }
template <element T> tensor<T> empty(const shape& sizes) { return tensor<T>::empty(sizes); }

// Row-major values of a shape. Throws shape_error when the count is wrong.
template <element T> tensor<T> from(const shape& sizes, std::span<const T> values) {
  if (static_cast<std::int64_t>(values.size()) != sizes.size())
    throw shape_error("from", {"expected ", sizes.size(), " values for shape ", sizes, ", got ", values.size()});
  tensor<T> out = empty<T>(sizes);
  out.write([&](std::span<T> to) { std::copy(values.begin(), values.end(), to.begin()); });
  return out;
}
template <element T> tensor<T> from(const shape& sizes, std::initializer_list<T> values) {
  return from<T>(sizes, std::span<const T>(values.begin(), values.size()));
}

namespace detail {

template <class T> inline constexpr bool is_half = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;

// By its bits: a host may be compiled with -ffast-math.
template <class T> bool is_nan(T value) noexcept {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<bits>(value) << 1 > std::bit_cast<bits>(std::numeric_limits<T>::infinity()) << 1;
}
template <class T> bool is_finite(T value) noexcept {  // neither infinite nor NaN
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<bits>(value) << 1 < std::bit_cast<bits>(std::numeric_limits<T>::infinity()) << 1;
}

// One value to another element type: integers saturate, NaN becomes 0 (a plain cast would wrap, or be undefined).
template <class U, class T> U convert(T value) noexcept {
  using range = std::numeric_limits<U>;
  if constexpr (is_half<T>) {
    return convert<U>(static_cast<float>(value));
  } else if constexpr (is_half<U>) {
    return U(static_cast<float>(value));
  } else {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<U, bool>) {
      return static_cast<U>(value);
    } else if constexpr (std::is_integral_v<U> && std::is_integral_v<T>) {
      if (std::cmp_less(value, range::min())) return range::min();
      if (std::cmp_greater(value, range::max())) return range::max();
    } else if constexpr (std::is_integral_v<U>) {
      if (is_nan(value)) return U{0};
      if (value <= static_cast<T>(range::min())) return range::min();
      if (value >= static_cast<T>(range::max())) return range::max();
    }
    return static_cast<U>(value);
  }
}

// The library's own way to write: detaches, never pins.
template <class T> T* writable(tensor<T>& t) {
  T* data = nullptr;
  t.write([&](std::span<T> values) { data = values.data(); });
  return data;
}

// A result of the same shape as `x`, on its memory when nobody else has it.
template <class T> tensor<T> result_on(tensor<T>& x) {
  if (x.writable_in_place()) return std::move(x);
  return empty<T>(x.shape());
}

}  // namespace detail

template <element T> template <element U> tensor<U> tensor<T>::cast() const {
  if constexpr (std::is_same_v<T, U>) {
    return *this;
  } else {
    tensor<U> out = tensor<U>::empty(shape_);
    const T* from = data();
    out.write([&](std::span<U> to) {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = detail::convert<U>(from[i]);
    });
    return out;
  }
}

}  // namespace inlay::inline v0_1
