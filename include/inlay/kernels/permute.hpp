// Copies a strided view into contiguous memory: axes in another order, or a broadcast (step 0).
#pragma once

#include "../core/shape.hpp"
#include "gemm.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// out (contiguous, of shape `sizes`) [i, j, …] = in[i * steps[0] + j * steps[1] + …].
template <class T> struct copy_strided {
  template <isa Level>
  INLAY_INLINE static void run(const T* in, T* out, const shape* sizes, const std::int64_t* steps) noexcept {
    const int rank = sizes->rank();
    if (sizes->size() == 0) return;
    if (rank == 0) {
      *out = *in;
      return;
    }
    const std::int64_t rows = rank > 1 ? sizes->begin()[rank - 2] : 1, columns = sizes->begin()[rank - 1];
    const std::int64_t row_step = rank > 1 ? steps[rank - 2] : 0, step = steps[rank - 1];
    std::int64_t index[shape::max_rank] = {};
    for (;;) {
      std::int64_t offset = 0;
      for (int axis = 0; axis < rank - 2; ++axis) offset += index[axis] * steps[axis];
      matrix(in + offset, row_step, step, out, rows, columns);
      out += rows * columns;
      int axis = rank - 3;
      while (axis >= 0 && ++index[axis] == sizes->begin()[axis]) index[axis--] = 0;
      if (axis < 0) return;
    }
  }

 private:
  INLAY_INLINE static void matrix(const T* in, std::int64_t row_step, std::int64_t step, T* out, std::int64_t rows,
                                  std::int64_t columns) {
    if (step == 1) {
      for (std::int64_t i = 0; i < rows; ++i)
        std::memcpy(out + i * columns, in + i * row_step, static_cast<std::size_t>(columns) * sizeof(T));
      return;
    }
    if constexpr (sizeof(T) == 4) {
      if (row_step == 1) {  // a transpose: in squares, so that both sides stay in cache
        const std::int64_t r = rows - rows % 4, c = columns - columns % 4;
        for (std::int64_t j = 0; j < c; j += 4)
          for (std::int64_t i = 0; i < r; i += 4)
            detail::transpose_square(in + j * step + i, step, out + i * columns + j, columns);
        for (std::int64_t i = 0; i < rows; ++i)
          for (std::int64_t j = i < r ? c : 0; j < columns; ++j) out[i * columns + j] = in[i + j * step];
        return;
      }
    }
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) out[i * columns + j] = in[i * row_step + j * step];
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
