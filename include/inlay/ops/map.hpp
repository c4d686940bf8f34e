// From tensors to elementwise kernels: broadcasting, choice of the result's memory, threads.
#pragma once

#include "../autograd/apply.hpp"
#include "../kernels/elementwise.hpp"
#include "../kernels/permute.hpp"
#include "../kernels/reduce.hpp"

namespace inlay::inline v0_1::detail {

inline constexpr std::int64_t map_grain = 1 << 14;  // elements that are worth a thread

template <class F, class T, class... In> void run_map(const F& f, T* out, std::int64_t count, const In*... in) {
  const isa level = active_isa();
  parallel_for(count, map_grain, [&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::map<F, T>>(level, last - first, out + first, f, (in + first)...);
  });
}

// f of one tensor, in its own memory when nobody else has it.
template <class F, class T> tensor<T> map(const F& f, tensor<T> x) {
  const T* from = std::as_const(x).data();
  const std::int64_t size = x.size();
  tensor<T> out = result_on(x);
  if (size > 0) run_map(f, writable(out), size, from);
  return out;
}

using steps = std::array<std::int64_t, shape::max_rank>;

// Steps that view something of shape `from` as `to` by broadcasting: 0 along axes that are repeated.
INLAY_OUTLINE inline steps broadcast_steps_of(const shape& from, const shape& to) {
  steps out{};
  std::int64_t step = 1;
  for (int axis = from.rank() - 1, at = to.rank() - 1; axis >= 0; --axis, --at) {
    const std::int64_t size = from.begin()[axis];
    out[static_cast<std::size_t>(at)] = size == 1 ? 0 : step;
    step *= size;
  }
  return out;
}

INLAY_OUTLINE inline steps contiguous_steps(const shape& sizes) {
  steps out{};
  for (int axis = 0; axis < sizes.rank(); ++axis)
    out[static_cast<std::size_t>(axis)] = sizes.count(axis + 1, sizes.rank());
  return out;
}

// Where element number `index` of the axes of `sizes` lies in such a view; `axes` counts the leading axes only.
INLAY_OUTLINE inline std::int64_t offset_of(std::int64_t index, const shape& sizes, const steps& by,
                                            int axes = shape::max_rank) {
  std::int64_t offset = 0;
  for (int axis = std::min(axes, sizes.rank()) - 1; axis >= 0; --axis) {
    offset += index % sizes.begin()[axis] * by[static_cast<std::size_t>(axis)];
    index /= sizes.begin()[axis];
  }
  return offset;
}

// How to run over two operands that broadcast: `runs` pieces of `run` elements, in each of which an operand is either
// contiguous or one value.
struct zip_plan {
  shape sizes;
  steps left, right;
  std::int64_t run = 1, runs = 0, left_step = 0, right_step = 0;
  int outer = 0;  // axes that number the runs

  INLAY_OUTLINE zip_plan(const char* name, const shape& a, const shape& b)
      : sizes(broadcast(name, a, b)), left(broadcast_steps_of(a, sizes)), right(broadcast_steps_of(b, sizes)) {
    const auto moves = [](const steps& by, int axis) { return by[static_cast<std::size_t>(axis)] != 0; };
    int axis = sizes.rank() - 1;
    while (axis >= 0 && sizes.begin()[axis] == 1) --axis;
    if (axis >= 0) {
      left_step = moves(left, axis);
      right_step = moves(right, axis);
    }
    for (; axis >= 0; --axis) {
      const std::int64_t size = sizes.begin()[axis];
      if (size != 1 && (moves(left, axis) != (left_step != 0) || moves(right, axis) != (right_step != 0))) break;
      run *= size;
    }
    outer = axis + 1;
    runs = sizes.size() == 0 ? 0 : sizes.size() / run;
  }
};

// f of two tensors of one shape; an unshared operand gives its memory.
template <class F, class T> tensor<T> zip_same(const F& f, tensor<T> a, tensor<T> b) {
  const T *from_a = std::as_const(a).data(), *from_b = std::as_const(b).data();
  const std::int64_t size = a.size();
  tensor<T> out = a.writable_in_place() ? std::move(a) : result_on(b);
  if (size > 0) run_map(f, writable(out), size, from_a, from_b);
  return out;
}

// Calls f(out, left, right) for each run of a plan, with the places of its first elements.
template <class F> void each_run(const zip_plan& plan, F&& f) {
  parallel_for(plan.runs, std::max<std::int64_t>(1, map_grain / std::max<std::int64_t>(plan.run, 1)),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t r = first; r < last; ++r)
                   f(r * plan.run, offset_of(r, plan.sizes, plan.left, plan.outer),
                     offset_of(r, plan.sizes, plan.right, plan.outer));
               });
}

// f of two tensors of shapes that broadcast.
template <class F, class T> tensor<T> zip(const char* name, const F& f, tensor<T> a, tensor<T> b) {
  if (a.shape() == b.shape()) return zip_same(f, std::move(a), std::move(b));
  const T *from_a = std::as_const(a).data(), *from_b = std::as_const(b).data();
  const zip_plan plan(name, a.shape(), b.shape());
  tensor<T> out = tensor<T>::empty(plan.sizes);
  T* to = writable(out);
  const isa level = active_isa();
  each_run(plan, [&](std::int64_t at, std::int64_t left, std::int64_t right) {
    dispatch<kernels::map<F, T>>(level, plan.run, to + at, f, kernels::operand<T>{from_a + left, plan.left_step},
                                 kernels::operand<T>{from_b + right, plan.right_step});
  });
  return out;
}

// A strided view as a tensor of its own.
template <class T> tensor<T> copy_view(const T* from, const shape& sizes, const steps& by) {
  tensor<T> out = tensor<T>::empty(sizes);
  dispatch<kernels::copy_strided<T>>(active_isa(), from, writable(out), &sizes, by.data());
  return out;
}

// x repeated to a larger shape.
template <class T> tensor<T> broadcast_to(const tensor<T>& x, const shape& sizes) {
  if (x.shape() == sizes) return x;
  if (!(broadcast("expand", x.shape(), sizes) == sizes))
    throw shape_error("expand", {"expected a shape that ", x.shape(), " broadcasts to, got ", sizes});
  return copy_view(x.data(), sizes, broadcast_steps_of(x.shape(), sizes));
}

// Axes in another order: axis i of the result is axis order[i] of x.
template <class T> tensor<T> permuted(const tensor<T>& x, std::span<const int> order) {
  const steps own = contiguous_steps(x.shape());
  steps by{};
  shape sizes;
  for (std::size_t i = 0; i < order.size(); ++i) {
    sizes.append(x.shape().begin()[order[i]]);
    by[i] = own[static_cast<std::size_t>(order[i])];
  }
  return copy_view(x.data(), sizes, by);
}

// Which axes a reduction runs over.
struct axis_set {
  std::array<bool, shape::max_rank> chosen{};
  bool contains(int axis) const { return chosen[static_cast<std::size_t>(axis)]; }
};

// Numbers [first, last) of x (outer, length, inner) reduced over its middle axis.
template <class F, class T>
void reduce_middle(isa level, const T* x, T* out, std::int64_t length, std::int64_t inner, std::int64_t first,
                   std::int64_t last) {
  if (inner == 1)
    return dispatch<kernels::reduce_rows<F, T>>(level, x + first * length, out + first, last - first, length);
  for (std::int64_t at = first; at < last;) {
    const std::int64_t o = at / inner, i = at % inner, count = std::min(last - at, inner - i);
    dispatch<kernels::reduce_columns<F, T>>(level, length > 0 ? x + o * length * inner + i : x, out + at, length, inner,
                                            count);  // x may be null
    at += count;
  }
}

// x reduced over some axes; the result keeps them with size 1.
template <class F, class T> tensor<T> reduced(const tensor<T>& x, const axis_set& over) {
  shape kept;
  // Neighbouring axes that are both reduced, or both kept, count as one.
  std::array<std::int64_t, shape::max_rank> group{};
  std::array<bool, shape::max_rank> group_over{};
  std::size_t groups = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const std::int64_t size = x.shape().begin()[axis];
    kept.append(over.contains(axis) ? 1 : size);
    if (size == 1) continue;
    if (groups > 0 && group_over[groups - 1] == over.contains(axis))
      group[groups - 1] *= size;
    else {
      group[groups] = size;
      group_over[groups++] = over.contains(axis);
    }
  }
  if (groups == 0 || (groups == 1 && !group_over[0])) return x.reshape(kept);

  // (outer, reduced, inner) is what the kernel does; the innermost reduced group first, then the rest.
  std::size_t last = groups;
  while (last > 0 && !group_over[last - 1]) --last;
  std::int64_t outer = 1, inner = 1;
  for (std::size_t i = 0; i + 1 < last; ++i) outer *= group[i];
  for (std::size_t i = last; i < groups; ++i) inner *= group[i];
  const std::int64_t length = group[last - 1];
  tensor<T> out = tensor<T>::empty({outer, inner});
  T* to = writable(out);
  const isa level = active_isa();
  const std::int64_t part = 1 << 16;
  if (outer * inner == 1 && length > 2 * part) {  // one long sum: parts fixed by its length, then their sum in order
    const std::int64_t parts = length / part;
    tensor<T> heads =
        reduced<F>(tensor<T>(x).reshape(shape{length}).slice(0, parts * part).reshape({parts, part}), {{false, true}});
    tensor<T> sums = tensor<T>::empty({parts + 1});
    T* all = writable(sums);
    std::copy_n(std::as_const(heads).data(), parts, all);
    dispatch<kernels::reduce_rows<F, T>>(level, x.data() + parts * part, all + parts, std::int64_t{1},
                                         length - parts * part);
    dispatch<kernels::reduce_rows<F, T>>(level, static_cast<const T*>(all), to, std::int64_t{1}, parts + 1);
    return out.reshape(kept);
  }
  if (outer * inner > 0)
    parallel_for(outer * inner, std::max<std::int64_t>(16, map_grain / std::max<std::int64_t>(length, 1)),
                 [&](std::int64_t first, std::int64_t end) {
                   reduce_middle<F>(level, x.data(), to, length, inner, first, end);
                 });

  shape rest;
  axis_set others;
  for (std::size_t i = 0; i + 1 < last; ++i) {
    others.chosen[static_cast<std::size_t>(rest.rank())] = group_over[i];
    rest.append(group[i]);
  }
  for (std::size_t i = last; i < groups; ++i) rest.append(group[i]);
  return reduced<F>(std::move(out).reshape(rest), others).reshape(kept);
}

// Sums over the first of (rows, columns).
template <class T> INLAY_OUTLINE tensor<T> sum_rows(const tensor<T>& x, std::int64_t rows, std::int64_t columns) {
  tensor<T> out = tensor<T>::empty({columns});
  T* to = writable(out);
  const isa level = active_isa();
  parallel_for(columns, std::max<std::int64_t>(16, map_grain / std::max<std::int64_t>(rows, 1)),
               [&](std::int64_t first, std::int64_t last) {
                 dispatch<kernels::reduce_columns<kernels::sum_of, T>>(level, x.data() + first, to + first, rows,
                                                                       columns, last - first);
               });
  return out;
}

// The gradient of an operand that was repeated: summed back to its shape.
template <class T> tensor<T> sum_to(tensor<T> x, const shape& sizes) {
  if (x.shape() == sizes) return x;
  axis_set over;
  const int extra = x.rank() - sizes.rank();
  for (int axis = 0; axis < x.rank(); ++axis)
    over.chosen[static_cast<std::size_t>(axis)] =
        axis < extra || (sizes.begin()[axis - extra] == 1 && x.shape().begin()[axis] != 1);
  return reduced<kernels::sum_of>(x, over).reshape(sizes);
}

}  // namespace inlay::inline v0_1::detail
