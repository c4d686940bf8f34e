// trace<T>: a tensor with a pen. What is computed from it is computed as from the tensor, and written down as well:
// operations with their attributes, what they read, the shapes they gave. Room `graph` reads what was written.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "../core/any_tensor.hpp"
#include "cell.hpp"

namespace inlay::inline v0_1 {

namespace autograd {

// Sees the attributes of an operation, which lists them as a module its members:
//   static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }
// An attribute is an integer, a floating-point number, a bool, an enumeration, a shape, a range of integers, or
// something with a name().
class attribute_visitor {
 public:
  attribute_visitor() = default;
  attribute_visitor(const attribute_visitor&) = delete;
  attribute_visitor& operator=(const attribute_visitor&) = delete;
  virtual ~attribute_visitor() = default;

  virtual void integer(std::string_view name, std::int64_t& value) = 0;  // shapes and ranges: one by one
  virtual void choice(std::string_view name, std::int64_t& value) = 0;   // bool and enumerations
  virtual void number(std::string_view name, double& value) = 0;
  virtual void word(std::string_view name, std::string_view value) = 0;  // the name of what has one

  template <class A> void operator()(std::string_view name, A&& attribute) {
    using type = std::remove_cvref_t<A>;
    if constexpr (requires { attribute.name(); }) {
      word(name, attribute.name());
    } else if constexpr (std::is_same_v<type, inlay::shape>) {
      inlay::shape seen;
      for (std::int64_t size : attribute) {
        integer(name, size);
        seen.append(size);
      }
      attribute = seen;
    } else if constexpr (std::is_same_v<type, bool> || std::is_enum_v<type>) {
      auto value = static_cast<std::int64_t>(attribute);
      choice(name, value);
      attribute = static_cast<type>(value);
    } else if constexpr (std::is_integral_v<type>) {
      auto value = static_cast<std::int64_t>(attribute);
      integer(name, value);
      attribute = static_cast<type>(value);
    } else if constexpr (std::is_floating_point_v<type>) {
      auto value = static_cast<double>(attribute);
      number(name, value);
      attribute = static_cast<type>(value);
    } else {
      for (auto& item : attribute) (*this)(name, item);
    }
  }
};

// An operation with its attributes, without its type.
class operation {
 public:
  operation() = default;
  operation& operator=(const operation&) = delete;
  virtual ~operation() = default;

  virtual const char* name() const noexcept = 0;
  virtual std::unique_ptr<operation> copy() const = 0;
  virtual void attributes(attribute_visitor& visit) = 0;
  virtual any_tensor run(std::span<any_tensor> operands) const = 0;  // takes the operands: moved ones are overwritten
  virtual std::int64_t multiply_adds(std::span<const shape> operands, const shape& result) const = 0;
  virtual std::int64_t represented_operand() const noexcept = 0;  // the one that needs no elements; -1: none
  virtual bool elementwise() const noexcept = 0;  // each element of the result needs one of each operand
  virtual const void* type() const noexcept = 0;  // tells operations on operands of some types apart

 protected:
  operation(const operation&) = default;
};

}  // namespace autograd

namespace detail {

template <class Op, class... In> inline constexpr char operation_type{};

template <class Op, class... In> class operation_of final : public autograd::operation {
 public:
  explicit operation_of(const Op& op) : op_(op) {}
  const Op& held() const noexcept { return op_; }
  const void* type() const noexcept override { return &operation_type<Op, In...>; }
  const char* name() const noexcept override { return Op::name; }
  std::unique_ptr<autograd::operation> copy() const override { return std::make_unique<operation_of>(op_); }
  void attributes(autograd::attribute_visitor& visit) override {
    if constexpr (requires { Op::attributes(op_, visit); })
      Op::attributes(op_, visit);
    else
      static_assert(std::is_empty_v<Op>, "an operation lists what it holds: static void attributes(auto&, auto&&)");
  }
  any_tensor run(std::span<any_tensor> operands) const override {
    return run(operands, std::index_sequence_for<In...>{});
  }
  // An operation that multiplies and adds more than once per element says how often.
  std::int64_t multiply_adds(std::span<const shape> operands, const shape& result) const override {
    if constexpr (requires { op_.multiply_adds(operands, result); })
      return op_.multiply_adds(operands, result);
    else
      return 0;
  }
  // An operation that can work on a representation says of which operand.
  std::int64_t represented_operand() const noexcept override {
    if constexpr (requires { Op::represented_operand; })
      return Op::represented_operand;
    else
      return -1;
  }
  // An operation on elements, of operands that broadcast, says so.
  bool elementwise() const noexcept override {
    return requires { Op::elementwise; };
  }

 private:
  template <std::size_t... I> any_tensor run(std::span<any_tensor> operands, std::index_sequence<I...>) const {
    return op_.forward(std::move(operands[I]).template as<In>()...);
  }

  Op op_;
};

// The operation with its type, or null when it is another or takes other operands.
template <class Op, class... In> const Op* operation_as(const autograd::operation& of) noexcept {
  return of.type() == &operation_type<Op, In...> ? &static_cast<const operation_of<Op, In...>&>(of).held() : nullptr;
}

// What was read or computed.
struct written_value {
  enum class kind { input, cell, constant, result };
  kind of;
  dtype type;
  inlay::shape shape;
  counted<cell_base> cell = {};  // a parameter or buffer
  any_tensor constant = {};      // what came from outside
  std::int64_t step = -1;        // that gave this result
};

struct written_step {
  std::unique_ptr<autograd::operation> op;
  std::vector<std::int64_t> operands;
  std::int64_t result;
};

class pen_state {
 public:
  void acquire() noexcept { ++owners_; }
  void release() noexcept {
    if (--owners_ == 0) delete this;
  }

  std::int64_t add(written_value value) {
    values.push_back(std::move(value));
    return static_cast<std::int64_t>(values.size()) - 1;
  }
  // A part that a module does not have is a constant without elements.
  template <class T> std::int64_t of(const counted<cell<T>>& cell) {
    if (!cell) return of(tensor<T>());
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i].cell.get() == cell.get()) return static_cast<std::int64_t>(i);
    return add({.of = written_value::kind::cell, .type = dtype_of<T>, .shape = cell->shape(), .cell = cell});
  }
  template <class T> std::int64_t of(const tensor<T>& constant) {
    return add(
        {.of = written_value::kind::constant, .type = dtype_of<T>, .shape = constant.shape(), .constant = constant});
  }
  std::int64_t write(std::unique_ptr<autograd::operation> op, std::vector<std::int64_t> operands, dtype type,
                     const inlay::shape& sizes) {
    const auto step = static_cast<std::int64_t>(steps.size());
    const std::int64_t result = add({.of = written_value::kind::result, .type = type, .shape = sizes, .step = step});
    steps.push_back({std::move(op), std::move(operands), result});
    return result;
  }

  std::vector<written_value> values;
  std::vector<written_step> steps;

 private:
  std::uint32_t owners_ = 0;
};

}  // namespace detail

template <element T> class trace {
 public:
  using value_type = T;

  // For operations (see apply.hpp): a result, who wrote it down, and its number there.
  trace(tensor<T> value, detail::counted<detail::pen_state> pen, std::int64_t id)
      : value_(std::move(value)), pen_(std::move(pen)), id_(id) {}

  const tensor<T>& value() const& noexcept { return value_; }
  tensor<T> value() && { return std::move(value_); }
  const inlay::shape& shape() const noexcept { return value_.shape(); }
  std::int64_t dim(std::int64_t axis) const { return value_.dim(axis); }
  int rank() const noexcept { return value_.rank(); }
  std::int64_t size() const noexcept { return value_.size(); }
  T item() const { return value_.item(); }

  const detail::counted<detail::pen_state>& pen() const noexcept { return pen_; }
  std::int64_t id() const noexcept { return id_; }

 private:
  tensor<T> value_;
  detail::counted<detail::pen_state> pen_;
  std::int64_t id_;
};

namespace autograd {

// Writes down what is computed from its inputs. Use one pen per thread.
class pen {
 public:
  pen() : state_(new detail::pen_state) {}

  template <element T> trace<T> input(tensor<T> value) const {
    const std::int64_t id =
        state_->add({.of = detail::written_value::kind::input, .type = dtype_of<T>, .shape = value.shape()});
    return trace<T>(std::move(value), state_, id);
  }

  const detail::pen_state& written() const noexcept { return *state_; }

 private:
  detail::counted<detail::pen_state> state_;
};

}  // namespace autograd

}  // namespace inlay::inline v0_1
