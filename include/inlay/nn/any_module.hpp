// any_module<Out(In…)>: a module whose type is not in the name of what holds it, so that a net may be put together at
// run time. Names are meant for tensors: any_module<tensor<float>(tensor<float>)> also takes variables and traces.
#pragma once

#include <memory>

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::nn {

namespace detail {

// What an argument or result is while gradients are recorded.
template <class A> struct recorded_as { using type = A; };
template <floating T> struct recorded_as<tensor<T>> { using type = variable<T>; };

// What an argument or result is while what is computed is written down.
template <class A> struct written_as { using type = A; };
template <floating T> struct written_as<tensor<T>> { using type = trace<T>; };

// One object per type, whose address tells types apart without run-time type information.
template <class M> inline constexpr char type_mark = 0;

}  // namespace detail

template <class Signature> class any_module;

template <class Out, class... In> class any_module<Out(In...)> {
  using recorded_out = typename detail::recorded_as<Out>::type;
  using written_out = typename detail::written_as<Out>::type;

 public:
  // Any module that takes In… and gives Out, on tensors and on variables.
  template <module M>
  requires(!std::is_same_v<M, any_module>) any_module(M module)
      : held_(std::make_unique<holder<M>>(std::move(module))) {}

  // Copies are deep, as copies of any module.
  any_module(const any_module& other) : held_(other.held_ ? other.held_->copy() : nullptr) {}
  any_module(any_module&&) noexcept = default;
  any_module& operator=(const any_module& other) {
    if (this == &other) return *this;
    if (held_ && other.held_ && held_->mark == other.held_->mark)
      held_->assign(*other.held_);
    else
      held_ = other.held_ ? other.held_->copy() : nullptr;
    return *this;
  }
  any_module& operator=(any_module&&) noexcept = default;

  Out operator()(const In&... in) const { return held_->run(in...); }
  recorded_out operator()(const typename detail::recorded_as<In>::type&... in) const
      requires(!std::is_same_v<Out(In...), recorded_out(typename detail::recorded_as<In>::type...)>) {
    return held_->record(in...);
  }
  written_out operator()(const typename detail::written_as<In>::type&... in) const
      requires(!std::is_same_v<Out(In...), written_out(typename detail::written_as<In>::type...)>) {
    return held_->write(in...);
  }

  static void members(auto& self, auto&& visit) { self.held_->list(visit); }

  // The module itself; null when it is of another type.
  template <module M> M* get() noexcept {
    return held_->mark == &detail::type_mark<M> ? &static_cast<holder<M>&>(*held_).module : nullptr;
  }

 private:
  struct any {
    explicit any(const char* of) noexcept : mark(of) {}
    virtual ~any() = default;
    virtual Out run(const In&...) const = 0;
    virtual recorded_out record(const typename detail::recorded_as<In>::type&...) const = 0;
    virtual written_out write(const typename detail::written_as<In>::type&...) const = 0;
    virtual void list(member_visitor& visit) = 0;
    virtual std::unique_ptr<any> copy() const = 0;
    virtual void assign(const any& other) = 0;  // of the same type: writes into the cells that are there

    const char* const mark;
  };
  template <class M> struct holder final : any {
    explicit holder(M of) : any(&detail::type_mark<M>), module(std::move(of)) {}
    Out run(const In&... in) const override { return module(in...); }
    recorded_out record(const typename detail::recorded_as<In>::type&... in) const override { return module(in...); }
    written_out write(const typename detail::written_as<In>::type&... in) const override { return module(in...); }
    void list(member_visitor& visit) override { M::members(module, visit); }
    std::unique_ptr<any> copy() const override { return std::make_unique<holder>(module); }
    void assign(const any& other) override { module = static_cast<const holder&>(other).module; }

    M module;
  };

  std::unique_ptr<any> held_;
};

}  // namespace inlay::inline v0_1::nn
