// Images that differ each epoch: flips, crops, turns, colours, holes. Steps are small structs, applied in the order
// they are given; any struct with operator()(image<T>, random::generator&) const is one.
//   data::augmented train(images, seed, data::horizontal_flip{}, data::random_crop{.padding = 4});
// What an image becomes depends on the seed, the epoch and its row alone: not on the batch, the order, or the threads.
#pragma once

#include <tuple>
#include <vector>

#include "dataset.hpp"
#include "resize.hpp"

namespace inlay::inline v0_1::data {

// An image (channels, height, width) that a step changes in place.
template <floating T> struct image {
  T* values;
  std::int64_t channels, height, width;

  std::int64_t plane() const noexcept { return height * width; }
  std::int64_t size() const noexcept { return channels * plane(); }
};

namespace detail {

inline double draw(random::generator& g, double low, double high) {
  const random::words w = g.next();
  return low + (high - low) * random::to_unit(w[0], w[1]);
}
inline bool happens(random::generator& g, double p) { return draw(g, 0, 1) < p; }
inline std::int64_t draw_below(random::generator& g, std::int64_t bound) {
  return static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(bound)));
}

struct box {
  std::int64_t top, left, height, width;
};

// A box of the image with a share of its area and a ratio of width to height from the given ranges, ten tries; false
// when none fits.
INLAY_COLD inline bool draw_box(random::generator& g, std::int64_t height, std::int64_t width, const double (&area)[2],
                                const double (&ratio)[2], box& out) {
  const bool sound = area[0] > 0 && area[0] <= area[1] && area[1] <= 1 && ratio[0] > 0 && ratio[0] <= ratio[1];
  if (!sound)
    throw value_error("augment", {"expected .area within (0, 1] and .ratio above 0, the smaller number first, got ",
                                  area[0], " to ", area[1], " and ", ratio[0], " to ", ratio[1]});
  for (int i = 0; i < 10; ++i) {
    const double pixels = static_cast<double>(height * width) * draw(g, area[0], area[1]);
    const double shape = __builtin_exp(draw(g, __builtin_log(ratio[0]), __builtin_log(ratio[1])));
    const auto w = static_cast<std::int64_t>(__builtin_sqrt(pixels * shape) + 0.5);
    const auto h = static_cast<std::int64_t>(__builtin_sqrt(pixels / shape) + 0.5);
    if (w < 1 || h < 1 || w > width || h > height) continue;
    out = {draw_below(g, height - h + 1), draw_below(g, width - w + 1), h, w};
    return true;
  }
  return false;
}

// Where the pixels of a result come from: x' = xx x + xy y + x0, y' = yx x + yy y + y0, from the image's middle.
struct affine {
  double xx = 1, xy = 0, x0 = 0, yx = 0, yy = 1, y0 = 0;
};

// Bilinear; beyond the image lies `fill`.
template <class T> void warp(const image<T>& of, const affine& a, T fill) {
  const std::vector<T> before(of.values, of.values + of.size());
  const double middle_x = static_cast<double>(of.width - 1) / 2, middle_y = static_cast<double>(of.height - 1) / 2;
  T* to = of.values;
  for (std::int64_t row = 0; row < of.height; ++row)
    for (std::int64_t column = 0; column < of.width; ++column, ++to) {
      const double dx = static_cast<double>(column) - middle_x, dy = static_cast<double>(row) - middle_y;
      const double x = a.xx * dx + a.xy * dy + a.x0 + middle_x, y = a.yx * dx + a.yy * dy + a.y0 + middle_y;
      const bool seen = x > -1 && y > -1 && x < static_cast<double>(of.width) && y < static_cast<double>(of.height);
      const std::int64_t left = seen ? static_cast<std::int64_t>(x + 1) - 1 : 0;
      const std::int64_t top = seen ? static_cast<std::int64_t>(y + 1) - 1 : 0;
      const double right = x - static_cast<double>(left), below = y - static_cast<double>(top);
      for (std::int64_t c = 0; c < of.channels; ++c) {
        const T* plane = before.data() + c * of.plane();
        const auto at = [&](std::int64_t i, std::int64_t j) {
          const bool inside = i >= 0 && i < of.height && j >= 0 && j < of.width;
          return static_cast<double>(inside ? plane[i * of.width + j] : fill);
        };
        const double value = (1 - below) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
                             below * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
        to[c * of.plane()] = seen ? static_cast<T>(value) : fill;
      }
    }
}

}  // namespace detail

struct horizontal_flip {
  double p = 0.5;  // how often

  template <class T> void operator()(const image<T>& of, random::generator& g) const {
    if (!detail::happens(g, p)) return;
    for (T* row = of.values; row < of.values + of.size(); row += of.width) std::reverse(row, row + of.width);
  }
};

struct vertical_flip {
  double p = 0.5;

  template <class T> void operator()(const image<T>& of, random::generator& g) const {
    if (!detail::happens(g, p)) return;
    for (T* plane = of.values; plane < of.values + of.size(); plane += of.plane())
      for (std::int64_t top = 0, bottom = of.height - 1; top < bottom; ++top, --bottom)
        std::swap_ranges(plane + top * of.width, plane + (top + 1) * of.width, plane + bottom * of.width);
  }
};

// The image with a border round it, cut to its size at a random place.
struct random_crop {
  std::int64_t padding = 4;
  double fill = 0;

  template <class T> void operator()(const image<T>& of, random::generator& g) const {
    if (padding < 0) throw value_error("random_crop", {"expected .padding of 0 or more, got ", padding});
    const std::int64_t down = detail::draw_below(g, 2 * padding + 1) - padding,
                       right = detail::draw_below(g, 2 * padding + 1) - padding;
    const std::vector<T> before(of.values, of.values + of.size());
    T* to = of.values;
    for (std::int64_t i = 0; i < of.size(); ++i) {
      const std::int64_t row = i / of.width % of.height + down, column = i % of.width + right;
      const bool inside = row >= 0 && row < of.height && column >= 0 && column < of.width;
      to[i] = inside ? before[static_cast<std::size_t>(i + down * of.width + right)] : static_cast<T>(fill);
    }
  }
};

// A part of the image, brought to its size. Szegedy et al., Going Deeper with Convolutions, 2014.
struct random_resized_crop {
  double area[2] = {0.08, 1};            // share of the image
  double ratio[2] = {3.0 / 4, 4.0 / 3};  // of width to height

  template <class T> void operator()(const image<T>& of, random::generator& g) const {
    detail::box part;
    if (!detail::draw_box(g, of.height, of.width, area, ratio, part)) return;
    const std::vector<T> before(of.values, of.values + of.size());
    const std::vector<detail::taps> rows = detail::resize_taps(part.height, of.height),
                                    columns = detail::resize_taps(part.width, of.width);
    std::vector<double> between;
    for (std::int64_t c = 0; c < of.channels; ++c)
      detail::resize_plane(before.data() + c * of.plane() + part.top * of.width + part.left, of.width, rows, columns,
                           part.height, of.values + c * of.plane(), between);
  }
};

// Turned, moved and scaled.
struct random_affine {
  double degrees = 0;        // turned by up to so much, either way
  double translate = 0;      // moved by up to this share of width and height
  double scale[2] = {1, 1};  // larger than 1: magnified
  double fill = 0;

  template <class T> void operator()(const image<T>& of, random::generator& g) const {
    if (!(scale[0] > 0 && scale[0] <= scale[1]))
      throw value_error("random_affine",
                        {"expected .scale above 0, the smaller number first, got ", scale[0], " to ", scale[1]});
    const double turn = detail::draw(g, -degrees, degrees) / 360, right = detail::draw(g, -translate, translate),
                 down = detail::draw(g, -translate, translate), larger = detail::draw(g, scale[0], scale[1]);
    double cosine, sine;
    random::detail::exact_turn(turn - __builtin_floor(turn), cosine, sine);
    const double c = cosine / larger, s = sine / larger;
    const double dx = right * static_cast<double>(of.width), dy = down * static_cast<double>(of.height);
    detail::warp(of, {c, s, -c * dx - s * dy, -s, c, s * dx - c * dy}, static_cast<T>(fill));
  }
};

// Brightness, contrast and saturation times factors from 1 - amount to 1 + amount. Values are not cut to a range.
struct color_jitter {
  double brightness = 0, contrast = 0, saturation = 0;

  template <class T> void operator()(const image<T>& of, random::generator& g) const {
    const double bright = factor(g, brightness), contrasty = factor(g, contrast), saturated = factor(g, saturation);
    double mean = 0;
    for (std::int64_t i = 0; i < of.plane(); ++i) mean += gray(of, i);
    mean *= bright / static_cast<double>(of.plane());
    for (std::int64_t i = 0; i < of.plane(); ++i) {
      const double own = mean + contrasty * (bright * gray(of, i) - mean);
      for (std::int64_t c = 0; c < of.channels; ++c) {
        T& value = of.values[c * of.plane() + i];
        const double lit = mean + contrasty * (bright * static_cast<double>(value) - mean);
        value = static_cast<T>(of.channels == 1 ? lit : own + saturated * (lit - own));
      }
    }
  }

 private:
  static double factor(random::generator& g, double amount) {
    return detail::draw(g, amount < 1 ? 1 - amount : 0, 1 + amount);
  }
  template <class T> static double gray(const image<T>& of, std::int64_t i) {
    constexpr double rgb[] = {0.299, 0.587, 0.114};  // ITU-R BT.601
    double sum = 0;
    for (std::int64_t c = 0; c < of.channels; ++c)
      sum += static_cast<double>(of.values[c * of.plane() + i]) *
             (of.channels == 3 ? rgb[c] : 1 / static_cast<double>(of.channels));
    return sum;
  }
};

// A box of one value. Zhong et al., Random Erasing Data Augmentation, 2017.
struct random_erasing {
  double p = 0.5;
  double area[2] = {0.02, 0.33};
  double ratio[2] = {0.3, 3.3};
  double fill = 0;

  template <class T> void operator()(const image<T>& of, random::generator& g) const {
    detail::box hole;
    if (!detail::happens(g, p) || !detail::draw_box(g, of.height, of.width, area, ratio, hole)) return;
    for (std::int64_t c = 0; c < of.channels; ++c)
      for (std::int64_t row = hole.top; row < hole.top + hole.height; ++row)
        std::fill_n(of.values + c * of.plane() + row * of.width + hole.left, hole.width, static_cast<T>(fill));
  }
};

// Image i of x (N, C, H, W) after the steps, as row rows[i] of an epoch. Throws shape_error.
template <floating T, class... Steps>
tensor<T> augment(tensor<T> x, std::span<const std::int64_t> rows, std::uint64_t seed, std::uint64_t epoch,
                  const Steps&... steps) {
  if (x.rank() != 4 || x.dim(0) != static_cast<std::int64_t>(rows.size()))
    throw shape_error("augment", {"expected images (", rows.size(), ", C, H, W), got ", x.shape()});
  if (x.size() == 0) return x;
  constexpr std::uint64_t apart = 0x6175676D656E74;  // from other users of the seed
  T* values = inlay::detail::writable(x);
  const std::int64_t size = x.shape().count(1, 4);
  parallel_for(x.dim(0), 4, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      random::generator g(seed ^ apart, epoch << 40 ^ static_cast<std::uint64_t>(rows[static_cast<std::size_t>(i)]));
      [[maybe_unused]] const image<T> one{values + i * size, x.dim(1), x.dim(2), x.dim(3)};
      (steps(one, g), ...);
    }
  });
  return x;
}

// A dataset of images, augmented; a loader tells it the epoch. Images of bytes become numbers from 0 to 1.
template <dataset Source, class... Steps> class augmented {
 public:
  augmented(Source source, std::uint64_t seed, Steps... steps)
      : source_(std::move(source)), seed_(seed), steps_(std::move(steps)...) {}

  std::int64_t size() const { return source_.size(); }
  auto batch(std::span<const std::int64_t> rows) const {
    auto from = source_.batch(rows);
    auto x = std::apply(
        [&](const Steps&... steps) { return augment(numbers(std::move(from.x)), rows, seed_, epoch_, steps...); },
        steps_);
    return data::batch{std::move(x), std::move(from.y)};
  }
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }

 private:
  template <floating T> static tensor<T> numbers(tensor<T> x) { return x; }
  static tensor<float> numbers(const tensor<std::uint8_t>& x) {
    tensor<float> out = empty<float>(x.shape());
    out.write([&](std::span<float> to) {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(x.values()[i]) / 255;
    });
    return out;
  }

  Source source_;
  std::uint64_t seed_, epoch_ = 0;
  std::tuple<Steps...> steps_;
};

}  // namespace inlay::inline v0_1::data
