// Pooling of planes: the largest or the mean value that a window sees. One to three axes, as in conv.hpp; a window that
// looks beyond the plane sees what is there.
//
// A plane is padded and its lines are taken apart by the stride (`pool_plane`): what neighbouring windows see at one
// kernel offset then lies side by side, and a register of windows is worked on at a time, whatever the sizes. One that
// reaches over the end of a line of the output is overwritten by the next line. Maxima of 2 x 2 elements, side by side,
// are taken from where they lie.
// Order of a sum: over the lines of a window, of each over its elements.
#pragma once

#include <algorithm>

#include "conv.hpp"
#include "reduce.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

// The kernel offsets [first, last) along an axis that output `o` sees of a plane made wider by `more` on both sides.
struct seen {
  std::int64_t first, last;
  std::int64_t count() const noexcept { return last > first ? last - first : 0; }
};
INLAY_INLINE seen seen_by(const conv_geometry& g, std::size_t axis, std::int64_t o, std::int64_t more = 0) {
  const std::int64_t start = o * g.stride[axis] - g.padding[axis] + more, size = g.in[axis] + 2 * more,
                     d = g.dilation[axis];
  const auto steps = [d](std::int64_t distance) { return d == 1 ? distance : (distance + d - 1) / d; };
  const std::int64_t first = start < 0 ? steps(-start) : 0, end = start < size ? steps(size - start) : 0;
  return {first, end < g.kernel[axis] ? end : g.kernel[axis]};
}

// Where element `k` of window `o` lies along an axis.
INLAY_INLINE std::int64_t seen_at(const conv_geometry& g, std::size_t axis, std::int64_t o, std::int64_t k) {
  return o * g.stride[axis] - g.padding[axis] + k * g.dilation[axis];
}

// A plane as windows read it, [slice][line][part]: element i of a padded line is at [i % stride][i / stride].
template <class T> struct pool_plane {
  std::int64_t stride, part, line, lines, slices;  // elements of a part and of a line, lines of a slice, slices
  std::int64_t count;                              // elements of a line that windows reach

  INLAY_INLINE explicit pool_plane(const conv_geometry& g)
      : stride(g.stride[2]), lines(reach(g, 1)), slices(reach(g, 0)), count(reach(g, 2) - g.padding[2]) {
    part = g.out[2] + g.dilation[2] * (g.kernel[2] - 1) / stride + 2 * simd<T, isa::avx2>::size;
    line = stride * part;
    if (count > g.in[2]) count = g.in[2];
  }

  INLAY_INLINE std::int64_t size() const { return slices * lines * line; }
  INLAY_INLINE std::int64_t place(std::int64_t column) const { return column % stride * part + column / stride; }

  // What is padding stays as it is.
  INLAY_INLINE void take_apart(const conv_geometry& g, const T* x, T* parts) const {
    const std::int64_t first = place(g.padding[2]), second = place(g.padding[2] + 1);
    for (std::int64_t i0 = 0; i0 < g.in[0] && i0 + g.padding[0] < slices; ++i0)
      for (std::int64_t i1 = 0; i1 < g.in[1] && i1 + g.padding[1] < lines; ++i1) {
        const T* from = x + (i0 * g.in[1] + i1) * g.in[2];
        T* to = parts + ((i0 + g.padding[0]) * lines + i1 + g.padding[1]) * line;
        if (stride == 1)
          copy(from, to + first);
        else if (stride == 2)
          split(from, to + first, to + second);
        else
          for (std::int64_t i = 0; i < count; ++i) to[place(g.padding[2] + i)] = from[i];
      }
  }

 private:
  using reg = simd<T, isa::plain>;

  static std::int64_t reach(const conv_geometry& g, std::size_t axis) {
    return (g.out[axis] - 1) * g.stride[axis] + g.dilation[axis] * (g.kernel[axis] - 1) + 1;
  }

  // Registers take what they fill; the last two of them overlap.
  INLAY_INLINE void copy(const T* from, T* to) const {
    const std::int64_t last = count - reg::size;
    for (std::int64_t i = 0; i < last; i += reg::size) reg::load(from + i).store(to + i);
    if (last >= 0)
      reg::load(from + last).store(to + last);
    else
      for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  }
  INLAY_INLINE void split(const T* from, T* even, T* odd) const {
    const std::int64_t last = count / 2 - reg::size;
    for (std::int64_t i = 0; i < last; i += reg::size) split_registers(from + 2 * i, even + i, odd + i);
    if (last >= 0)
      split_registers(from + 2 * last, even + last, odd + last);
    else
      for (std::int64_t i = 0; i < count / 2; ++i) even[i] = from[2 * i], odd[i] = from[2 * i + 1];
    if (count % 2 != 0) even[count / 2] = from[count - 1];
  }
  INLAY_INLINE static void split_registers(const T* from, T* even, T* odd) {
    const reg a = reg::load(from), b = reg::load(from + reg::size);
    if constexpr (reg::size == 4) {
      reg::wrap(__builtin_shufflevector(a.v, b.v, 0, 2, 4, 6)).store(even);
      reg::wrap(__builtin_shufflevector(a.v, b.v, 1, 3, 5, 7)).store(odd);
    } else {
      reg::wrap(__builtin_shufflevector(a.v, b.v, 0, 2)).store(even);
      reg::wrap(__builtin_shufflevector(a.v, b.v, 1, 3)).store(odd);
    }
  }
};

// Windows of 2 x 2 that neither overlap nor look beyond the plane.
inline bool are_squares(const conv_geometry& g) noexcept {
  using axes = conv_geometry::axes;
  return g.kernel == axes{1, 2, 2} && g.stride == axes{1, 2, 2} && g.dilation == axes{1, 1, 1} &&
         g.padding == axes{0, 0, 0} && 2 * g.out[1] <= g.in[1] && 2 * g.out[2] <= g.in[2];
}
// Every second lane of a and b, from lane From on.
template <int From, class V, int... Lane>
INLAY_INLINE V every_second(const V& a, const V& b, std::integer_sequence<int, Lane...>) {
  return V::wrap(__builtin_shufflevector(a.v, b.v, (2 * Lane + From)...));
}
// A lane of a and one of b in turn, from lane From on.
template <int From, class V, int... Lane>
INLAY_INLINE V in_turn(const V& a, const V& b, std::integer_sequence<int, Lane...>) {
  return V::wrap(__builtin_shufflevector(a.v, b.v, (From + Lane / 2 + Lane % 2 * V::size)...));
}

// Numbers to Element, of which memory has room for `room`. Compilers have instructions for each half of the way.
template <class Element, class I>
INLAY_INLINE void store_narrow(const I& numbers, std::uint8_t* to, std::int64_t room) {
  using halfway = typename inlay::detail::raw_vector<std::int16_t, I::size * 2>::type;
  using narrow = typename inlay::detail::raw_vector<Element, I::size* static_cast<int>(sizeof(Element))>::type;
  narrow out;
  if constexpr (sizeof(Element) == 1)
    out = __builtin_convertvector(__builtin_convertvector(numbers.v, halfway), narrow);
  else
    out = __builtin_convertvector(numbers.v, narrow);
  std::memcpy(to, &out, room >= I::size ? sizeof(out) : static_cast<std::size_t>(room) * sizeof(Element));
}
template <class I>
INLAY_INLINE void store_places(const I& places, std::int64_t bytes, std::uint8_t* to, std::int64_t room) {
  bytes > 1 ? store_narrow<std::int32_t>(places, to, room) : store_narrow<std::int8_t>(places, to, room);
}

}  // namespace detail

// The place of the largest element is its number in the window: one byte, or four where a window has more than 256.
inline std::int64_t place_bytes(const conv_geometry& g) noexcept { return g.product(g.kernel) > 256 ? 4 : 1; }

template <class T> struct pool_problem {
  conv_geometry g;
  bool count_padding;  // in a mean: the padding counts as elements
  std::int64_t planes;
  const T* x;
  T* y;
  std::uint8_t* places;  // of the largest elements, or null
  T* scratch;            // pool_scratch elements
  std::int64_t* table;   // as many numbers as a window has elements
};
template <class T> std::int64_t pool_scratch(const conv_geometry& g) noexcept {
  return detail::pool_plane<T>(g).size() + detail::pool_plane<T>(g).part;
}

// F: sum_of, for means; or max_of: NaN wins, and of equal elements it is the first whose place is kept. A dilated
// window may see nothing but padding: minus infinity, and a place outside the plane.
template <class F, class T> struct pool_windows {
  using memory_bound = void;

  template <isa Level> INLAY_INLINE static void run(const pool_problem<T>* problem) noexcept {
    const pool_problem<T>& p = *problem;
    const conv_geometry& g = p.g;
    if constexpr (!is_mean)
      if (detail::are_squares(g)) return p.places == nullptr ? squares<Level, false>(p) : squares<Level, true>(p);
    const detail::pool_plane<T> plane(g);
    std::int64_t* entry = p.table;
    for (std::int64_t k0 = 0; k0 < g.kernel[0]; ++k0)
      for (std::int64_t k1 = 0; k1 < g.kernel[1]; ++k1)
        for (std::int64_t k2 = 0; k2 < g.kernel[2]; ++k2)
          *entry++ =
              (k0 * g.dilation[0] * plane.lines + k1 * g.dilation[1]) * plane.line + plane.place(k2 * g.dilation[2]);
    for (std::int64_t i = 0; i < plane.size(); ++i) p.scratch[i] = F::template start<T>();
    // Of every window in a line: the number of elements it sees, or the first of them.
    T* const seen = p.scratch + plane.size();
    for (std::int64_t o = 0; o < plane.part; ++o)
      if constexpr (is_mean)
        seen[o] = static_cast<T>(o < g.out[2] ? count(p, 2, o) : 1);
      else
        set_bits(seen + o, detail::seen_by(g, 2, o).first);

    // While the windows of one plane are read, the next plane is on its way from memory.
    const std::int64_t ahead = g.product(g.in) * static_cast<int>(sizeof(T)) / (g.out[0] * g.out[1]);
    T* y = p.y;
    for (std::int64_t i = 0; i < p.planes; ++i) {
      plane.take_apart(g, p.x + i * g.product(g.in), p.scratch);
      const char* next = reinterpret_cast<const char*>(p.x + (i + 1) * g.product(g.in));
      for (std::int64_t o0 = 0; o0 < g.out[0]; ++o0)
        for (std::int64_t o1 = 0; o1 < g.out[1]; ++o1, y += g.out[2]) {
          const T* lines = p.scratch + (o0 * g.stride[0] * plane.lines + o1 * g.stride[1]) * plane.line;
          const std::int64_t room = p.planes * g.columns() - (y - p.y);
          for (std::int64_t b = 0; b < ahead && i + 1 < p.planes; b += 64) __builtin_prefetch(next + b);
          next += ahead;
          if constexpr (is_mean)
            mean<Level>(p, lines, count(p, 0, o0) * count(p, 1, o1), seen, y, room);
          else if (p.places == nullptr)
            largest<Level, false>(p, lines, 0, seen, y, room);
          else
            largest<Level, true>(p, lines, first_line(g, o0, o1) * g.kernel[2], seen, y, room);
        }
    }
  }

 private:
  static constexpr bool is_mean = std::is_same_v<F, sum_of>;

  // The number of elements that a window sees along an axis, or has room for.
  INLAY_INLINE static std::int64_t count(const pool_problem<T>& p, std::size_t axis, std::int64_t o) {
    return detail::seen_by(p.g, axis, o, p.count_padding ? p.g.padding[axis] : 0).count();
  }
  INLAY_INLINE static std::int64_t first_line(const conv_geometry& g, std::int64_t o0, std::int64_t o1) {
    return detail::seen_by(g, 0, o0).first * g.kernel[1] + detail::seen_by(g, 1, o1).first;
  }
  INLAY_INLINE static void set_bits(T* to, std::int64_t number) {
    const auto bits = static_cast<inlay::detail::int_of_size<sizeof(T)>>(number);
    std::memcpy(to, &bits, sizeof(T));
  }

  // A line of the output. Where nothing is above minus infinity, it is the first element seen whose place is kept.
  template <isa Level, bool Places>
  INLAY_INLINE static void largest(const pool_problem<T>& p, const T* lines, std::int64_t first, const T* seen, T* y,
                                   std::int64_t room) {
    using V = simd<T, Level>;
    using I = typename V::integer;
    const std::int64_t width = p.g.out[2], volume = p.g.product(p.g.kernel), bytes = place_bytes(p.g);
    const std::int64_t* const table = p.table;
    for (std::int64_t o = 0; o < width; o += 2 * V::size) {
      V a(F::template start<T>()), b = a;
      I place_a, place_b, index = I::zero();
      if constexpr (Places) {
        const I of_line(static_cast<typename I::value_type>(first));
        place_a = of_line + V::load(seen + o).bits();
        place_b = of_line + V::load(seen + o + V::size).bits();
      }
      for (std::int64_t k = 0; k < volume; ++k) {
        const T* const from = lines + table[k] + o;
        const V here_a = V::load(from), here_b = V::load(from + V::size);
        const I more_a = (here_a > a) | (here_a != here_a), more_b = (here_b > b) | (here_b != here_b);
        a = select(more_a, here_a, a);
        b = select(more_b, here_b, b);
        if constexpr (Places) {
          place_a = select(more_a, index, place_a);
          place_b = select(more_b, index, place_b);
          index += I(1);
        }
      }
      a.store_up_to(y + o, room - o);
      if constexpr (Places) detail::store_places(place_a, bytes, p.places + (y - p.y + o) * bytes, room - o);
      if (o + V::size >= width) break;
      b.store_up_to(y + o + V::size, room - o - V::size);
      if constexpr (Places)
        detail::store_places(place_b, bytes, p.places + (y - p.y + o + V::size) * bytes, room - o - V::size);
    }
  }

  template <isa Level, bool Places> INLAY_INLINE static void squares(const pool_problem<T>& p) {
    using wide = simd<T, Level>;
    using narrow = simd<T, isa::plain>;
    const conv_geometry& g = p.g;
    const std::int64_t width = g.out[2];
    std::int64_t at = 0;
    for (std::int64_t i = 0; i < p.planes * g.in[0]; ++i)  // slices
      for (std::int64_t o = 0; o < g.out[1]; ++o, at += width) {
        const T* const x = p.x + (i * g.in[1] + 2 * o) * g.in[2];
        if (width >= wide::size)
          squares_of_line<wide, Places>(p, x, at);
        else if (width >= narrow::size)
          squares_of_line<narrow, Places>(p, x, at);
        else
          single_squares<narrow, Places>(p, x, at);
      }
  }
  // A window at a time, as a register that has nothing else.
  template <class V, bool Places>
  INLAY_INLINE static void single_squares(const pool_problem<T>& p, const T* x, std::int64_t at) {
    for (std::int64_t o = 0; o < p.g.out[2]; ++o, x += 2) {
      const T *const second = x + p.g.in[2], lines[2][2 * V::size] = {{x[0], x[1]}, {second[0], second[1]}};
      T y[V::size];
      square<V, Places>(lines[0], lines[1], y, Places ? p.places + at + o : nullptr, 1);
      p.y[at + o] = y[0];
    }
  }
  // The last register overlaps the one before it.
  template <class V, bool Places>
  INLAY_INLINE static void squares_of_line(const pool_problem<T>& p, const T* x, std::int64_t at) {
    const std::int64_t width = p.g.out[2];
    for (std::int64_t j = 0; j < width; j += V::size) {
      const std::int64_t o = j < width - V::size ? j : width - V::size;
      square<V, Places>(x + 2 * o, x + 2 * o + p.g.in[2], p.y + at + o, Places ? p.places + at + o : nullptr, V::size);
    }
  }
  template <class V, bool Places>
  INLAY_INLINE static void square(const T* first, const T* second, T* y, std::uint8_t* places, std::int64_t room) {
    using I = typename V::integer;
    constexpr auto lanes = std::make_integer_sequence<int, V::size>();
    V most;
    I place = I::zero();
    for (int line = 0; line < 2; ++line) {
      const T* const from = line == 0 ? first : second;
      const V a = V::load(from), b = V::load(from + V::size);
      const V even = detail::every_second<0>(a, b, lanes), odd = detail::every_second<1>(a, b, lanes);
      if (line == 0) most = even;
      for (int column = 1 - line; column < 2; ++column) {
        const V here = column == 0 ? even : odd;
        const I more = (here > most) | (here != here);
        most = select(more, here, most);
        if constexpr (Places) place = select(more, I(2 * line + column), place);
      }
    }
    most.store(y);
    if constexpr (Places) detail::store_narrow<std::int8_t>(place, places, room);
  }

  template <isa Level>
  INLAY_INLINE static void mean(const pool_problem<T>& p, const T* lines, std::int64_t seen_lines, const T* counts,
                                T* y, std::int64_t room) {
    using V = simd<T, Level>;
    const std::int64_t width = p.g.out[2], volume = p.g.product(p.g.kernel), k2 = p.g.kernel[2];
    const std::int64_t* const table = p.table;
    for (std::int64_t o = 0; o < width; o += V::size) {
      V sum = V::zero();
      for (std::int64_t k = 0; k < volume; k += k2) {
        V of_line = V::load(lines + table[k] + o);
        for (std::int64_t i = 1; i < k2; ++i) of_line += V::load(lines + table[k + i] + o);
        sum += of_line;
      }
      (sum / (V(static_cast<T>(seen_lines)) * V::load(counts + o))).store_up_to(y + o, room - o);
    }
  }
};

// dx of some planes: what comes for an output goes to the place that was kept. Place: of place_bytes; `table`: as
// above.
template <class Place, class T>
[[gnu::noinline]] void max_pool_gradient(const conv_geometry& g, std::int64_t planes, const T* dy, const Place* places,
                                         std::int64_t* table, T* dx) noexcept {
  const std::int64_t width = g.out[2], step = g.stride[2];
  std::int64_t* entry = table;
  for (std::int64_t k0 = 0; k0 < g.kernel[0]; ++k0)
    for (std::int64_t k1 = 0; k1 < g.kernel[1]; ++k1)
      for (std::int64_t k2 = 0; k2 < g.kernel[2]; ++k2)
        *entry++ = (k0 * g.dilation[0] * g.in[1] + k1 * g.dilation[1]) * g.in[2] + k2 * g.dilation[2];
  bool all_see = true;  // something of the line
  for (std::int64_t o = 0; o < width; ++o) all_see = all_see && detail::seen_by(g, 2, o).count() > 0;
  for (std::int64_t plane = 0; plane < planes; ++plane, dx += g.product(g.in)) {
    std::fill_n(dx, g.product(g.in), T{0});
    for (std::int64_t o0 = 0; o0 < g.out[0]; ++o0)
      for (std::int64_t o1 = 0; o1 < g.out[1]; ++o1, dy += width, places += width) {
        if (detail::seen_by(g, 0, o0).count() * detail::seen_by(g, 1, o1).count() == 0) continue;
        std::int64_t at =
            (detail::seen_at(g, 0, o0, 0) * g.in[1] + detail::seen_at(g, 1, o1, 0)) * g.in[2] - g.padding[2];
        for (std::int64_t o2 = 0; o2 < width; ++o2, at += step)
          if (all_see || detail::seen_by(g, 2, o2).count() > 0) dx[at + table[places[o2]]] += dy[o2];
      }
  }
}

// The same for squares (see pool_windows), which write every element once.
template <class T> struct square_gradient {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const conv_geometry* geometry, std::int64_t planes, const T* dy,
                               const std::uint8_t* places, T* dx) noexcept {
    using wide = simd<T, Level>;
    using narrow = simd<T, isa::plain>;
    const conv_geometry& g = *geometry;
    const std::int64_t width = g.out[2], line = g.in[2];
    for (std::int64_t i = 0; i < planes * g.in[0]; ++i) {  // slices
      for (std::int64_t o = 0; o < g.out[1]; ++o, dy += width, places += width, dx += 2 * line) {
        if (width >= wide::size)
          squares<wide>(width, dy, places, dx, dx + line);
        else if (width >= narrow::size)
          squares<narrow>(width, dy, places, dx, dx + line);
        else
          for (std::int64_t j = 0; j < width; ++j)
            for (int k = 0; k < 4; ++k) dx[k / 2 * line + 2 * j + k % 2] = places[j] == k ? dy[j] : T{0};
        for (std::int64_t j = 2 * width; j < line; ++j) dx[j] = dx[line + j] = T{0};
      }
      const std::int64_t rest = (g.in[1] - 2 * g.out[1]) * line;
      for (std::int64_t j = 0; j < rest; ++j) dx[j] = T{0};
      dx += rest;
    }
  }

 private:
  // The last register overlaps the one before it.
  template <class V>
  INLAY_INLINE static void squares(std::int64_t width, const T* dy, const std::uint8_t* places, T* first, T* second) {
    using I = typename V::integer;
    using bytes = typename inlay::detail::raw_vector<std::uint8_t, V::size>::type;
    constexpr auto lanes = std::make_integer_sequence<int, V::size>();
    for (std::int64_t j = 0; j < width; j += V::size) {
      const std::int64_t o = j < width - V::size ? j : width - V::size;
      bytes number;
      std::memcpy(&number, places + o, sizeof number);
      const I place = I::wrap(__builtin_convertvector(number, typename I::raw));
      const V here = V::load(dy + o);
      for (int i = 0; i < 2; ++i) {
        const V even = select(place == I(2 * i), here, V::zero()), odd = select(place == I(2 * i + 1), here, V::zero());
        T* const to = (i == 0 ? first : second) + 2 * o;
        detail::in_turn<0>(even, odd, lanes).store(to);
        detail::in_turn<V::size / 2>(even, odd, lanes).store(to + V::size);
      }
    }
  }
};

// dx of some planes: the sum of the shares, dy over the count, of the windows that see an element. First of one line of
// windows each, then over the lines.
template <class T> struct avg_pool_gradient {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const conv_geometry* geometry, bool count_padding, std::int64_t planes, const T* dy,
                               T* dx, T* scratch) noexcept {
    using V = simd<T, Level>;
    const conv_geometry& g = *geometry;
    const std::int64_t step = line_step(g), end = planes * g.product(g.in);
    const auto count = [&](std::size_t axis, std::int64_t o) {
      return detail::seen_by(g, axis, o, count_padding ? g.padding[axis] : 0).count();
    };
    T *const sums = scratch, *const shares = sums + g.out[0] * g.out[1] * step, *const counts = shares + share_step(g);
    for (std::int64_t i = 0; i < share_step(g); ++i) shares[i] = T{0};  // as far apart as the windows, zeros between
    for (std::int64_t o = 0; o < g.out[2]; ++o) counts[o] = static_cast<T>(count(2, o));

    for (std::int64_t plane = 0, at = 0; plane < planes; ++plane) {
      T* sum = sums;
      for (std::int64_t o0 = 0; o0 < g.out[0]; ++o0)
        for (std::int64_t o1 = 0; o1 < g.out[1]; ++o1, sum += step, dy += g.out[2]) {
          const T lines = static_cast<T>(count(0, o0) * count(1, o1));
          for (std::int64_t o = 0; o < g.out[2]; ++o)
            shares[g.kernel[2] - 1 + o * g.stride[2]] = dy[o] / (lines * counts[o]);
          for (std::int64_t i = 0; i < g.in[2]; i += V::size) {
            V of_windows = V::zero();
            for (std::int64_t k = g.kernel[2] - 1; k >= 0; --k) of_windows += V::load(shares + i + g.padding[2] + k);
            of_windows.store(sum + i);
          }
        }
      for (std::int64_t i0 = 0; i0 < g.in[0]; ++i0)
        for (std::int64_t i1 = 0; i1 < g.in[1]; ++i1, at += g.in[2]) {
          const detail::seen s0 = windows(g, 0, i0), s1 = windows(g, 1, i1);
          for (std::int64_t i = 0; i < g.in[2]; i += V::size) {
            V total = V::zero();
            for (std::int64_t o0 = s0.first; o0 < s0.last; ++o0)
              for (std::int64_t o1 = s1.first; o1 < s1.last; ++o1)
                total += V::load(sums + (o0 * g.out[1] + o1) * step + i);
            total.store_up_to(dx + at + i, end - at - i);
          }
        }
    }
  }

  // Elements of scratch memory.
  static std::int64_t scratch(const conv_geometry& g) noexcept {
    return g.out[0] * g.out[1] * line_step(g) + share_step(g) + g.out[2];
  }

 private:
  static std::int64_t line_step(const conv_geometry& g) noexcept { return g.in[2] + simd<T, isa::avx2>::size; }
  static std::int64_t share_step(const conv_geometry& g) noexcept {
    return g.out[2] * g.stride[2] + 2 * g.kernel[2] + g.padding[2] + line_step(g);
  }

  // The windows [first, last) along an axis that see element i.
  INLAY_INLINE static detail::seen windows(const conv_geometry& g, std::size_t axis, std::int64_t i) {
    const auto stride = static_cast<std::uint32_t>(g.stride[axis]);
    const std::int64_t place = i + g.padding[axis], before = place - g.kernel[axis];
    const std::int64_t first = before < 0 ? 0 : static_cast<std::uint32_t>(before) / stride + 1,
                       end = static_cast<std::uint32_t>(place) / stride + 1;
    return {first, end < g.out[axis] ? end : g.out[axis]};
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
