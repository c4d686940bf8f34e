// int8_weight: a weight of 8 bits per element, with a scale for each output channel: w = q scale, q from -127 to 127.
// The input of a product is written in 8 bits too, in 256 steps between its least and greatest element: of each row
// (linear) or image (convolution), so that a row's result does not depend on the others; or between the ends of a range
// that was measured before. Sums are whole numbers and exact.
#pragma once

#include <optional>

#include "../core/any_tensor.hpp"
#include "../kernels/int8.hpp"
#include "packed.hpp"
#include "represented.hpp"

namespace inlay::inline v0_1 {

// Between which numbers an input lies.
struct value_range {
  float low = 0, high = 0;
};

// A template, so that programs that never meet one do not compile it.
template <class T = float> class int8_weight final : public detail::represented_weight<T> {
  static_assert(std::is_same_v<T, float>);

 public:
  // From elements (out, …). Throws value_error for elements that are not finite, and for more than 65,000 products in a
  // sum.
  INLAY_COLD explicit int8_weight(const tensor<float>& w, std::optional<value_range> input = {}) : input_(input) {
    const std::int64_t channels = w.rank() < 2 ? 0 : w.dim(0), each = channels == 0 ? 0 : w.size() / channels;
    values_ = tensor<std::int8_t>::empty(w.shape());
    scales_ = tensor<float>::empty({channels});
    std::int8_t* q = detail::writable(values_);
    float* scale = detail::writable(scales_);
    for (std::int64_t c = 0; c < channels; ++c) {
      const float* from = w.data() + c * each;
      float ends[2];
      dispatch<kernels::extremes>(active_isa(), from, each, static_cast<float*>(ends));
      const kernels::int8_scale s = kernels::int8_scale::symmetric(std::max(-ends[0], ends[1]));
      scale[c] = s.scale;
      if (!kernels::is_positive(s.scale)) break;  // check() refuses it
      for (std::int64_t i = 0; i < each; ++i)
        q[c * each + i] = static_cast<std::int8_t>(__builtin_rintf(std::clamp(from[i] * s.inverse, s.low, s.high)));
    }
    check();
  }

  // From what parts() gave. Throws value_error and shape_error when they do not fit each other.
  INLAY_COLD int8_weight(tensor<std::int8_t> values, tensor<float> scales, std::optional<value_range> input)
      : values_(std::move(values)), scales_(std::move(scales)), input_(input) {
    check();
  }

  const char* name() const noexcept override { return "int8"; }
  const inlay::shape& shape() const noexcept override { return values_.shape(); }
  const tensor<std::int8_t>& values() const noexcept { return values_; }
  const tensor<float>& scales() const noexcept { return scales_; }             // (out,)
  const std::optional<value_range>& input() const noexcept { return input_; }  // measured before, or of each row

  void write_elements(void* to) const override {
    const std::int64_t each = values_.size() / scales_.size();
    for (std::int64_t i = 0; i < values_.size(); ++i)
      static_cast<float*>(to)[i] = static_cast<float>(values_.data()[i]) * scales_.data()[i / each];
  }

  std::vector<std::pair<std::string, any_tensor>> parts() const override {
    std::vector<std::pair<std::string, any_tensor>> out{{"", values_}, {"scale", scales_}};
    if (input_) out.emplace_back("input_range", from<float>({2}, {input_->low, input_->high}));
    return out;
  }

  void linear(std::int64_t rows, const float* x, const float* bias, bool relu, float* y) const override {
    if (rows == 0) return;
    if (has_vnni(active_isa()))
      product<std::uint8_t>(rows, x, bias, relu, y);
    else
      product<std::int16_t>(rows, x, bias, relu, y);
  }

  void conv(const detail::conv_sizes& s, const float* x, const float* bias, bool relu, float* y) const override {
    const isa level = active_isa();
    const kernels::conv_geometry& g = s.geometry;
    const std::int64_t k = g.rows(), pairs = kernels::int8_words<std::int16_t>(k), columns = g.columns(),
                       image = s.groups * s.c * g.product(g.in), step = rounded(image),
                       width = kernels::gemm_panel_columns<float>(level), height = kernels::int8_strip_rows(level, s.k),
                       room = kernels::int8_strips<std::int16_t>(level, s.k, k);
    if (s.batch * columns == 0) return;
    tensor<std::int32_t> whole = tensor<std::int32_t>::empty({s.batch * step / 2});
    tensor<float> image_scales = tensor<float>::empty({s.batch});
    std::int16_t* q = numbers<std::int16_t>(detail::writable(whole));
    float* scales = detail::writable(image_scales);
    parallel_for(s.batch, std::max<std::int64_t>(1, (1 << 14) / (image + 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t n = first; n < last; ++n)
                     scales[n] = to_whole(level, x + n * image, image, q + n * step).scale;
                 });

    const tensor<std::int32_t> strips = strips_of(level, s, k);
    const std::int16_t* a = numbers<std::int16_t>(const_cast<std::int32_t*>(strips.data()));
    // As many columns at a time as stay in L2 while the weights pass by.
    const std::int64_t panels = std::max<std::int64_t>(8, (192 << 10) / (width * 4 * (pairs + 1))),
                       chunk = std::min(panels * width, (columns + width - 1) / width * width),
                       chunks = (columns + chunk - 1) / chunk, work = chunk * s.k * (k + 8);
    parallel_for(s.batch * s.groups * chunks,
                 std::max<std::int64_t>(1, (std::int64_t{1} << 21) / std::max<std::int64_t>(work, 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   tensor<std::int32_t> scratch = tensor<std::int32_t>::empty({chunk * (pairs + 1)});
                   std::int16_t* lines = numbers<std::int16_t>(detail::writable(scratch));
                   std::int16_t* b = lines + 2 * chunk;
                   for (std::int64_t item = first; item < last; ++item) {
                     const std::int64_t n = item / chunks / s.groups, group = item / chunks % s.groups,
                                        from = item % chunks * chunk, to = std::min(from + chunk, columns),
                                        count = (to - from + width - 1) / width;
                     std::fill_n(lines, 2 * chunk, std::int16_t{0});  // behind the last column, and below the last row
                     for (std::int64_t pair = 0; pair < pairs; ++pair) {
                       const std::int16_t* channels = q + n * step + group * s.c * g.product(g.in);
                       for (std::int64_t p = 2 * pair; p < std::min(2 * pair + 2, k); ++p)
                         kernels::conv_row(g, channels, p, from, to, lines + p % 2 * chunk);
                       if (2 * pair + 1 == k) std::fill_n(lines + chunk, chunk, std::int16_t{0});
                       for (std::int64_t panel = 0; panel < count; ++panel)
                         kernels::int8_zip(lines + panel * width, lines + chunk + panel * width, width,
                                           b + (panel * pairs + pair) * 2 * width);
                     }
                     const kernels::int8_problem<std::int16_t, std::int16_t> problem{
                         s.k,
                         to - from,
                         k,
                         a + group * room,
                         b,
                         y + (n * s.groups + group) * s.k * columns + from,
                         columns,
                         {scales_.data() + group * s.k, 1},
                         {scales + n, 0},
                         bias == nullptr ? nullptr : bias + group * s.k,
                         nullptr,
                         relu};
                     dispatch<kernels::int8_range<std::int16_t, std::int16_t>>(
                         level, &problem, std::int64_t{0}, (s.k + height - 1) / height, std::int64_t{0}, count);
                   }
                 });
  }

 private:
  INLAY_COLD void check() {
    if (values_.rank() < 2 || values_.size() == 0 || !(scales_.shape() == inlay::shape{values_.dim(0)}))
      throw shape_error("int8_weight", {"expected values (out, in…) and scales (out,), got ", values_.shape(), " and ",
                                        scales_.shape()});
    if (values_.size() / values_.dim(0) > kernels::int8_most_products)
      throw value_error("int8_weight", {"expected sums of at most ", kernels::int8_most_products, " products, got ",
                                        values_.size() / values_.dim(0)});
    for (const float scale : scales_.values())
      if (!kernels::is_positive(scale))
        throw value_error("int8_weight", {"expected scales that are finite and above 0, got ", scale});
    if (input_ && !(kernels::is_positive(input_->high - input_->low) && input_->low <= 0 && input_->high >= 0))
      throw value_error("int8_weight",
                        {"expected an input range that holds 0, got ", input_->low, " to ", input_->high});
    values_.become_keeper();
  }

  // Memory for numbers that are no element type: two or four in a word.
  template <class Q> static Q* numbers(std::int32_t* words) noexcept { return reinterpret_cast<Q*>(words); }

  // Room for whole registers of 16 bits.
  static std::int64_t rounded(std::int64_t count) noexcept { return (count + 31) / 32 * 32; }

  // x in whole numbers; returns how they are written.
  template <class Q> kernels::int8_scale to_whole(isa level, const float* x, std::int64_t count, Q* q) const {
    float ends[2] = {0, 0};
    if (input_)
      ends[0] = input_->low, ends[1] = input_->high;
    else
      dispatch<kernels::extremes>(level, x, count, static_cast<float*>(ends));
    const kernels::int8_scale s = kernels::int8_scale::affine(ends[0], ends[1]);
    dispatch<kernels::to_whole<Q>>(level, x, count, s, q);
    return s;
  }

  // linear() with A in pairs or quads.
  template <class Left> void product(std::int64_t rows, const float* x, const float* bias, bool relu, float* y) const {
    const isa level = active_isa();
    const std::int64_t in = values_.dim(1), out = values_.dim(0), height = kernels::int8_strip_rows(level, rows),
                       strips = (rows + height - 1) / height, width = kernels::gemm_panel_columns<float>(level),
                       panels = (out + width - 1) / width, words = kernels::int8_words<Left>(in);
    tensor<std::int32_t> a = tensor<std::int32_t>::empty({strips * height * words});
    tensor<std::int32_t> row_zeros = tensor<std::int32_t>::empty({rows});
    tensor<float> row_scales = tensor<float>::empty({rows});
    std::int32_t *packed_rows = detail::writable(a), *zeros = detail::writable(row_zeros);
    float* scales = detail::writable(row_scales);
    parallel_for(
        strips, std::max<std::int64_t>(1, (1 << 14) / (height * in + 1)), [&](std::int64_t first, std::int64_t last) {
          const detail::flush_denormals scope;  // once for all rows
          const std::int64_t step = rounded(in) / kernels::int8_group<Left>;
          tensor<std::int32_t> scratch = tensor<std::int32_t>::empty({height * step});
          std::int32_t* lines = detail::writable(scratch);
          for (std::int64_t strip = first; strip < last; ++strip) {
            const std::int64_t row = strip * height, count = std::min(height, rows - row);
            for (std::int64_t i = 0; i < count; ++i) {
              const kernels::int8_scale s = to_whole(level, x + (row + i) * in, in, numbers<Left>(lines + i * step));
              scales[row + i] = s.scale;
              zeros[row + i] = -static_cast<std::int32_t>(s.low);
            }
            kernels::detail::pack_lines<std::int32_t>(lines, step, std::int64_t{1}, count, height, words,
                                                      packed_rows + strip * height * words);
          }
        });

    const tensor<std::int8_t> b = panels_of<Left>(level);
    const kernels::int8_problem<Left, std::int8_t> problem{.m = rows,
                                                           .n = out,
                                                           .k = in,
                                                           .strips = numbers<Left>(packed_rows),
                                                           .panels = b.data(),
                                                           .c = y,
                                                           .c_row = out,
                                                           .row_scale = {scales, 1},
                                                           .column_scale = {scales_.data(), 1},
                                                           .column_bias = bias,
                                                           .relu = relu,
                                                           .row_zero = zeros,
                                                           .column_sum = column_sums(b)};
    const auto* shared = &problem;
    const bool by_rows = strips >= panels;
    const std::int64_t pieces = by_rows ? strips : panels, work = rows * out * (in + 8) / pieces;
    parallel_for(pieces, std::max<std::int64_t>(1, (std::int64_t{1} << 20) / std::max<std::int64_t>(work, 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   dispatch<kernels::int8_range<Left, std::int8_t>>(
                       level, shared, by_rows ? first : std::int64_t{0}, by_rows ? last : strips,
                       by_rows ? std::int64_t{0} : first, by_rows ? panels : last);
                 });
  }

  // The panels of the weight as B, and behind them the sums of its columns.
  template <class Left> tensor<std::int8_t> panels_of(isa level) const {
    const std::int64_t n = values_.dim(0), k = values_.dim(1), width = kernels::gemm_panel_columns<float>(level),
                       panels = (n + width - 1) / width,
                       room = width * kernels::int8_group<Left> * kernels::int8_words<Left>(k);
    return detail::packed<std::int8_t>(values_, {values_.data(), {k, n, 0}, detail::layout_panels, level}, [&] {
      tensor<std::int8_t> out =
          tensor<std::int8_t>::empty({panels * room + n * static_cast<std::int64_t>(sizeof(std::int32_t))});
      std::int8_t* to = detail::writable(out);
      for (std::int64_t panel = 0; panel < panels; ++panel)
        kernels::int8_interleave<Left>(values_.data() + panel * width * k, k, std::min(width, n - panel * width), k,
                                       width, to + panel * room);
      for (std::int64_t j = 0; j < n; ++j) {
        std::int32_t sum = 0;
        for (std::int64_t p = 0; p < k; ++p) sum += values_.data()[j * k + p];
        std::memcpy(to + panels * room + j * static_cast<std::int64_t>(sizeof sum), &sum, sizeof sum);
      }
      return out;
    });
  }
  const std::int32_t* column_sums(const tensor<std::int8_t>& panels) const {
    return reinterpret_cast<const std::int32_t*>(panels.data() + panels.size()) - values_.dim(0);
  }

  tensor<std::int32_t> strips_of(isa level, const detail::conv_sizes& s, std::int64_t k) const {
    const std::int64_t height = kernels::int8_strip_rows(level, s.k),
                       room = kernels::int8_strips<std::int16_t>(level, s.k, k);
    return detail::packed<std::int32_t>(
        values_, {values_.data(), {s.groups, s.k, k}, detail::layout_strips, level}, [&] {
          tensor<std::int32_t> out = tensor<std::int32_t>::empty({s.groups * room / 2});
          std::int16_t* to = numbers<std::int16_t>(detail::writable(out));
          for (std::int64_t i = 0; i < s.groups; ++i)
            for (std::int64_t row = 0; row < s.k; row += height)
              kernels::int8_interleave<std::int16_t>(values_.data() + (i * s.k + row) * k, k,
                                                     std::min(height, s.k - row), k, height,
                                                     to + i * room + row * 2 * kernels::int8_words<std::int16_t>(k));
          return out;
        });
  }

  tensor<std::int8_t> values_;
  tensor<float> scales_;
  std::optional<value_range> input_;
};

}  // namespace inlay::inline v0_1
