// What a parameter or buffer really is: a counted cell with a value, a gradient, and what the rest of the library has
// to know about it. Models, optimisers and graphs hold cells by count, so a moved model keeps its optimiser's state.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "../core/any_tensor.hpp"
#include "distribution.hpp"

namespace inlay::inline v0_1 {

// A part of a weight that stays when the rest is taken out, as of every tensor that belongs to it.
class selection {
 public:
  virtual ~selection() = default;
  virtual void apply(tensor<float>& t) const = 0;
  virtual void apply(tensor<double>& t) const = 0;
};

namespace detail {

// Owning pointer to an object that counts its owners itself.
template <class Object> class counted {
 public:
  counted() noexcept = default;
  explicit counted(Object* object) noexcept : object_(object) {
    if (object_) object_->acquire();
  }
  counted(const counted& other) noexcept : counted(other.object_) {}
  counted(counted&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class Derived>
  requires std::is_convertible_v<Derived*, Object*> counted(const counted<Derived>& other)
  noexcept : counted(other.get()) {}
  counted& operator=(counted other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~counted() {
    if (object_) object_->release();
  }

  Object* get() const noexcept { return object_; }
  Object* operator->() const noexcept { return object_; }
  Object& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  Object* object_ = nullptr;
};

// A cell without its element type.
class cell_base : public from_pool {
 public:
  explicit cell_base(dtype of_type) noexcept : type(of_type) {}
  cell_base(const cell_base&) = delete;
  cell_base& operator=(const cell_base&) = delete;

  virtual const inlay::shape& shape() const noexcept = 0;
  virtual void assign_from(const cell_base& other) = 0;     // the value of a cell of the same shape and element type
  virtual void draw(random::generator& g) = 0;              // new values from the rule
  virtual counted<cell_base> like(double value) const = 0;  // another of its shape and element type, filled
  virtual void select(const selection& part) = 0;           // keeps a part of the value, and of its gradient
  virtual void* lend() = 0;                                 // the elements, to be written at once
  virtual const void* gradient_elements() const = 0;
  virtual const representation* gradient_representation() const noexcept = 0;
  virtual bool has_gradient() const noexcept = 0;
  virtual void drop_gradient() noexcept = 0;

  void acquire() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) end();
  }

  // select(), remembered for what follows the weight.
  INLAY_COLD void take_out(std::shared_ptr<const selection> part) {
    select(*part);
    selections.push_back(std::move(part));
  }

  const dtype type;
  bool trainable = true;
  int optimisers = 0;         // how many list this cell
  std::uint64_t version = 0;  // grows with every change of the value
  distribution rule;
  std::vector<std::shared_ptr<const selection>> selections;  // so far; what is kept for the weight follows them
  counted<cell_base> stray;  // got a gradient in the same backward pass, and no optimiser lists it

 protected:
  INLAY_OUTLINE ~cell_base() = default;

 private:
  virtual void end() noexcept = 0;  // deletes it

  std::atomic<int> owners_{0};
};

template <class T> class cell final : public cell_base {
 public:
  explicit cell(tensor<T> value) : cell_base(dtype_of<T>), value_(std::move(value)) { took_value(); }

  const inlay::shape& shape() const noexcept override { return value_.shape(); }
  void assign_from(const cell_base& other) override { assign(static_cast<const cell&>(other).value_); }
  void draw(random::generator& g) override {
    if constexpr (floating<T>)
      if (rule.of != distribution::kind::given) set(rule.draw<T>(g, shape()));
  }
  INLAY_COLD counted<cell_base> like(double value) const override {
    return counted<cell_base>(new cell(tensor<T>(shape(), static_cast<T>(value))));
  }
  INLAY_COLD void select(const selection& part) override {
    if constexpr (floating<T>) {
      part.apply(value_);
      took_value();
      if (has_gradient_) part.apply(gradient_);
      ++version;
    }
  }
  INLAY_OUTLINE void* lend() override {
    T* elements = nullptr;
    write([&](std::span<T> values) { elements = values.data(); });
    return elements;
  }
  INLAY_OUTLINE const void* gradient_elements() const override { return gradient_.data(); }
  const inlay::representation* gradient_representation() const noexcept override { return gradient_.representation(); }
  bool has_gradient() const noexcept override { return has_gradient_; }
  void drop_gradient() noexcept override {
    gradient_ = tensor<T>();
    has_gradient_ = false;
  }

  const tensor<T>& typed() const noexcept { return value_; }
  const tensor<T>& gradient() const noexcept { return gradient_; }

  INLAY_OUTLINE void assign(tensor<T> value) {
    if (!(value.shape() == shape())) [[unlikely]]
      throw shape_error("assign", {"expected a value of shape ", shape(), ", got ", value.shape()});
    set(std::move(value));
  }
  INLAY_OUTLINE void set(tensor<T> value) {
    if (!(value.shape() == shape())) drop_gradient();  // it no longer fits
    value_ = std::move(value);
    took_value();
    ++version;
  }
  template <class F> void write(F&& f) {
    value_.write(std::forward<F>(f));
    value_.become_keeper();
    ++version;
  }
  template <class F> void write_gradient(F&& f) { gradient_.write(std::forward<F>(f)); }

  // The first gradient is taken as it is; `add` is called for the others.
  template <class Add> void accumulate(tensor<T> gradient, Add&& add) {
    if (has_gradient_)
      add(gradient_, gradient);
    else
      gradient_ = std::move(gradient);
    has_gradient_ = true;
  }

 private:
  INLAY_OUTLINE void end() noexcept override { delete this; }

  void took_value() {
    value_.become_keeper();
    if (value_.representation() != nullptr) trainable = false;  // it has no elements to move
  }

  tensor<T> value_, gradient_;
  bool has_gradient_ = false;
};

// The value of a cell whose element type is known at run time only.
template <class = void>  // compiled only where it is used
any_tensor value_of(const cell_base& of) {
  return visit(of.type, [&](auto zero) { return any_tensor(static_cast<const cell<decltype(zero)>&>(of).typed()); });
}

}  // namespace detail

}  // namespace inlay::inline v0_1
