// Comparisons with broadcasting, torch.eq and its kin: they give tensor<bool> (of traces trace<bool>), and no gradient
// comes back through them. where(mask, a, b) takes elements of a where the mask is true, of b elsewhere.
#pragma once

#include "../kernels/compare.hpp"
#include "arithmetic.hpp"

namespace inlay::inline v0_1 {

template <class F> struct compare_op {
  static constexpr const char* name = F::name;
  static constexpr bool elementwise = true;

  template <class T> tensor<bool> forward(const tensor<T>& a, const tensor<T>& b) const {
    static_assert(!std::is_same_v<T, bool> && !detail::is_half<T>, "comparisons are defined for numbers; cast halves");
    const detail::zip_plan plan(name, a.shape(), b.shape());
    tensor<bool> out = tensor<bool>::empty(plan.sizes);
    bool* to = detail::writable(out);
    const isa level = active_isa();
    detail::each_run(plan, [&](std::int64_t at, std::int64_t left, std::int64_t right) {
      dispatch<kernels::compare<F, T>>(level, plan.run, to + at, kernels::operand<T>{a.data() + left, plan.left_step},
                                       kernels::operand<T>{b.data() + right, plan.right_step});
    });
    return out;
  }
};

struct where_op {
  static constexpr const char* name = "where";
  static constexpr bool elementwise = true;

  template <class T> tensor<T> forward(const tensor<bool>& mask, const tensor<T>& a, const tensor<T>& b) const {
    static_assert(!detail::is_half<T>, "where is not defined for halves; cast them first");
    using lane = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;  // there are no registers of bool
    const shape sizes = broadcast(name, mask.shape(), broadcast(name, a.shape(), b.shape()));
    const tensor<bool> full = detail::broadcast_to(mask, sizes);
    const tensor<T> yes = operand_of(a, sizes), no = operand_of(b, sizes);
    tensor<T> out = tensor<T>::empty(sizes);
    lane* to = reinterpret_cast<lane*>(detail::writable(out));
    const auto *from_yes = reinterpret_cast<const lane*>(yes.data()),
               *from_no = reinterpret_cast<const lane*>(no.data());
    const std::int64_t yes_step = yes.size() == 1 ? 0 : 1, no_step = no.size() == 1 ? 0 : 1;
    const isa level = active_isa();
    parallel_for(out.size(), detail::map_grain, [&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::choose<lane>>(level, last - first, to + first, full.data() + first,
                                      kernels::operand<lane>{from_yes + first * yes_step, yes_step},
                                      kernels::operand<lane>{from_no + first * no_step, no_step});
    });
    return out;
  }
  template <class T> auto keep(const tensor<bool>& mask, const tensor<T>&, const tensor<T>&, const tensor<T>&) const {
    return mask;
  }
  template <class T>
  void backward(const tensor<T>& dy, const tensor<bool>& mask, const gradient<bool>&, const gradient<T>& da,
                const gradient<T>& db) const {
    const tensor<T> zero(shape{}, T{0});
    if (da.wanted()) da.add(detail::sum_to(forward(mask, dy, zero), da.shape()));
    if (db.wanted()) db.add(detail::sum_to(forward(mask, zero, dy), db.shape()));
  }

 private:
  template <class T> static tensor<T> operand_of(const tensor<T>& x, const shape& sizes) {
    return x.size() == 1 ? x : detail::broadcast_to(x, sizes);
  }
};

namespace detail {
template <class F, class A, class B> auto compared(const A& a, const B& b) {
  if constexpr (is_trace<A> || is_trace<B>)
    return apply(compare_op<F>{}, a, b);
  else
    return compare_op<F>{}.forward(as_tensor(a), as_tensor(b));
}
}  // namespace detail

template <operand A, operand B> auto eq(const A& a, const B& b) { return detail::compared<kernels::eq>(a, b); }
template <operand A, operand B> auto ne(const A& a, const B& b) { return detail::compared<kernels::ne>(a, b); }
template <operand A, operand B> auto lt(const A& a, const B& b) { return detail::compared<kernels::lt>(a, b); }
template <operand A, operand B> auto le(const A& a, const B& b) { return detail::compared<kernels::le>(a, b); }
template <operand A, operand B> auto gt(const A& a, const B& b) { return detail::compared<kernels::gt>(a, b); }
template <operand A, operand B> auto ge(const A& a, const B& b) { return detail::compared<kernels::ge>(a, b); }

template <operand A> auto eq(const A& a, detail::element_of<A> b) { return eq(a, detail::scalar<A>(b)); }
template <operand A> auto ne(const A& a, detail::element_of<A> b) { return ne(a, detail::scalar<A>(b)); }
template <operand A> auto lt(const A& a, detail::element_of<A> b) { return lt(a, detail::scalar<A>(b)); }
template <operand A> auto le(const A& a, detail::element_of<A> b) { return le(a, detail::scalar<A>(b)); }
template <operand A> auto gt(const A& a, detail::element_of<A> b) { return gt(a, detail::scalar<A>(b)); }
template <operand A> auto ge(const A& a, detail::element_of<A> b) { return ge(a, detail::scalar<A>(b)); }

// Shapes broadcast. Gradients go to a where the mask is true, to b elsewhere.
template <operand M, operand A, operand B> auto where(M&& mask, A&& a, B&& b) {
  return apply(where_op{}, std::forward<M>(mask), std::forward<A>(a), std::forward<B>(b));
}
template <operand M, operand A> auto where(M&& mask, A&& a, detail::element_of<A> b) {
  return where(std::forward<M>(mask), std::forward<A>(a), detail::scalar<A>(b));
}
template <operand M, operand B> auto where(M&& mask, detail::element_of<B> a, B&& b) {
  return where(std::forward<M>(mask), detail::scalar<B>(a), std::forward<B>(b));
}

}  // namespace inlay::inline v0_1
