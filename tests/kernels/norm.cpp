// Shows: (normalisation of channels and rows)
// Batch and layer normalisation and their gradients equal long double; statistics are exact far from 0; the bits do not
// depend on how the work is cut or on the rows beside; NaN keeps to its channel or row.
#include <inlay/kernels/norm.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "naive/norm.hpp"
#include "support.hpp"

using namespace inlay;
using support::guarded;
using support::noise_values;
using support::same_bits;

namespace {

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 4e-6 : 1e-14;
template <class T> constexpr T epsilon = T(0.0625);

template <class T> naive::list wide(const std::vector<T>& x) { return {x.begin(), x.end()}; }

struct sizes {
  std::int64_t batch, channels, length;
  std::int64_t count() const { return batch * channels * length; }
};

// Everything batch norm's kernels make of an input, with the work cut in `parts`; where there are several, results
// are written past the caches.
template <class T> struct batch_outcome {
  guarded<T> mean, variance, inverse, scale, y, dw, db, dx;
  bool intact() const {
    bool all = true;
    for (const guarded<T>* t : {&mean, &variance, &inverse, &scale, &y, &dw, &db, &dx}) all = all && t->intact();
    return all;
  }
  bool same(const batch_outcome& other) const {
    bool all = true;
    for (auto member : {&batch_outcome::mean, &batch_outcome::variance, &batch_outcome::y, &batch_outcome::dw,
                        &batch_outcome::db, &batch_outcome::dx})
      all = all && same_bits((this->*member).values(), (other.*member).values());
    return all;
  }
};

template <class T>
batch_outcome<T> run_batch(isa level, const sizes& of, const std::vector<T>& x, const std::vector<T>& dy,
                           const std::vector<T>& w, const std::vector<T>& b, std::int64_t parts) {
  const std::int64_t n = of.batch, c = of.channels, l = of.length;
  const bool past = parts > 1;
  const auto of_size = [](std::int64_t count) { return guarded<T>(count); };
  batch_outcome<T> o{of_size(c),         of_size(c), of_size(c), of_size(c),
                     of_size(n * c * l), of_size(c), of_size(c), of_size(n * c * l)};
  const auto cut = [&](std::int64_t count, const auto& f) {
    for (std::int64_t i = 0; i < parts; ++i)
      if (count * i / parts < count * (i + 1) / parts) f(count * i / parts, count * (i + 1) / parts);
  };
  const T share = T(1) / static_cast<T>(n * l);
  cut(c, [&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_statistics<T>>(level, x.data(), o.mean.data(), o.variance.data(), n, c, l, first, last);
  });
  dispatch<kernels::inverse_deviation<T>>(level, o.variance.data(), epsilon<T>, static_cast<const T*>(nullptr),
                                          o.inverse.data(), c);
  dispatch<kernels::inverse_deviation<T>>(level, o.variance.data(), epsilon<T>, w.data(), o.scale.data(), c);
  cut(n, [&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_affine<T>>(level, x.data(), o.mean.data(), o.scale.data(), b.data(), o.y.data(), c, l,
                                         first, last, std::int64_t{0}, c, past);
  });
  cut(c, [&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_gradient_sums<T>>(level, dy.data(), x.data(), o.mean.data(), o.inverse.data(),
                                                o.dw.data(), o.db.data(), n, c, l, first, last);
  });
  cut(c, [&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_gradient<T>>(level, dy.data(), x.data(), o.mean.data(), o.inverse.data(), o.scale.data(),
                                           o.dw.data(), o.db.data(), o.dx.data(), share, c, l, std::int64_t{0}, n,
                                           first, last, past);
  });
  return o;
}

template <class T> void check_batch(const sizes& of) {
  INFO("batch ", of.batch, " channels ", of.channels, " length ", of.length);
  const std::int64_t n = of.batch, c = of.channels, l = of.length;
  const auto x = noise_values<T>(of.count(), 1), dy = noise_values<T>(of.count(), 2), w = noise_values<T>(c, 3),
             b = noise_values<T>(c, 4);
  naive::list mean, variance, dw, db, y(x.size()), dx(x.size());
  for (std::int64_t i = 0; i < c; ++i) {
    const naive::list values = naive::channel(x.data(), n, c, l, i), g = naive::channel(dy.data(), n, c, l, i);
    const naive::spread s = naive::moments(values);
    naive::list out = naive::normalised(values, s, epsilon<T>);
    mean.push_back(s.mean);
    variance.push_back(s.variance);
    dw.push_back(naive::product_sum(g, out));
    db.push_back(naive::product_sum(g, naive::list(g.size(), 1)));
    naive::list slope = naive::normalised_gradient(g, values, epsilon<T>);
    for (auto& v : out) v = v * w[static_cast<std::size_t>(i)] + b[static_cast<std::size_t>(i)];
    for (auto& v : slope) v *= w[static_cast<std::size_t>(i)];
    naive::put_channel(y, out, n, c, l, i);
    naive::put_channel(dx, slope, n, c, l, i);
  }
  support::for_each_isa([&](isa level) {
    const auto got = run_batch<T>(level, of, x, dy, w, b, 1);
    CHECK(support::difference(got.mean.values(), mean) <= tolerance<T>);
    CHECK(support::difference(got.variance.values(), variance) <= tolerance<T>);
    CHECK(support::difference(got.y.values(), y) <= tolerance<T>);
    CHECK(support::difference(got.dw.values(), dw) <= 4 * tolerance<T>);
    CHECK(support::difference(got.db.values(), db) <= 4 * tolerance<T>);
    CHECK(support::difference(got.dx.values(), dx) <= 4 * tolerance<T>);
    CHECK(got.intact());
    for (const std::int64_t parts : {2, 3, 7}) CHECK(got.same(run_batch<T>(level, of, x, dy, w, b, parts)));
  });
}

template <class T> struct row_outcome {
  std::vector<T> y, mean, inverse, dx, dw, db;
  bool intact;
};

template <class T>
row_outcome<T> run_rows(isa level, std::int64_t rows, const std::vector<T>& x, const std::vector<T>& dy,
                        const std::vector<T>* w, const std::vector<T>* b) {
  const auto count = static_cast<std::int64_t>(x.size()), length = count / rows;
  const T *weight = w == nullptr ? nullptr : w->data(), *bias = b == nullptr ? nullptr : b->data();
  using backward = kernels::layer_norm_gradient<T>;
  const std::int64_t parts = (rows + backward::part - 1) / backward::part;
  const double by = static_cast<double>(epsilon<T>);
  T* const none = nullptr;
  guarded<T> y(count), mean(rows), inverse(rows), dx(count), dw(parts * length), db(parts * length);
  dispatch<kernels::layer_norm<T>>(level, x.data(), weight, bias, y.data(), none, none, by, true, rows, length);
  const std::vector<T> plain(y.values().begin(), y.values().end());
  dispatch<kernels::layer_norm<T>>(level, x.data(), weight, bias, y.data(), mean.data(), inverse.data(), by, true, rows,
                                   length);
  CHECK(same_bits(std::span<const T>(plain), y.values()));
  guarded<T> cut_dx(count), cut_dw(parts * length), cut_db(parts * length);
  const auto gradients = [&](T* slope, T* products, T* sums, std::int64_t first, std::int64_t last) {
    dispatch<backward>(level, dy.data(), x.data(), weight, mean.data(), inverse.data(), slope, products, sums, rows,
                       length, first, last);
  };
  gradients(dx.data(), dw.data(), db.data(), 0, parts);  // all at once, or each alone and in pieces
  gradients(none, cut_dw.data(), cut_db.data(), parts / 2, parts);
  gradients(none, cut_dw.data(), cut_db.data(), 0, parts / 2);
  gradients(cut_dx.data(), none, none, 0, parts / 2);
  gradients(cut_dx.data(), none, none, parts / 2, parts);
  CHECK((same_bits(std::as_const(cut_dw).values(), std::as_const(dw).values()) &&
         same_bits(std::as_const(cut_db).values(), std::as_const(db).values()) &&
         same_bits(std::as_const(cut_dx).values(), std::as_const(dx).values())));
  const auto over_parts = [&](const guarded<T>& t) {
    std::vector<T> out(static_cast<std::size_t>(length));
    for (std::int64_t i = 0; i < parts * length; ++i) out[static_cast<std::size_t>(i % length)] += t.data()[i];
    return out;
  };
  const auto vector_of = [](const guarded<T>& t) { return std::vector<T>(t.values().begin(), t.values().end()); };
  return {plain,
          vector_of(mean),
          vector_of(inverse),
          vector_of(dx),
          over_parts(dw),
          over_parts(db),
          y.intact() && mean.intact() && inverse.intact() && dx.intact() && dw.intact() && db.intact() &&
              cut_dx.intact() && cut_dw.intact() && cut_db.intact()};
}

template <class T> double difference(const std::vector<T>& got, const naive::list& want) {
  return support::difference(std::span<const T>(got), want);
}

template <class T> void check_rows(std::int64_t rows, std::int64_t length, bool weighted) {
  INFO("rows ", rows, " length ", length, " weighted ", weighted);
  const auto x = noise_values<T>(rows * length, 1), dy = noise_values<T>(rows * length, 2),
             w = noise_values<T>(length, 3), b = noise_values<T>(length, 4);
  naive::list mean, y, dx, dw(w.size()), db(w.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    const naive::list row = naive::channel(x.data(), 1, rows, length, r);
    naive::list g = naive::channel(dy.data(), 1, rows, length, r);
    const naive::spread s = naive::moments(row);
    const naive::list xhat = naive::normalised(row, s, epsilon<T>);
    mean.push_back(s.mean);
    for (std::size_t i = 0; i < w.size(); ++i) {
      y.push_back(weighted ? xhat[i] * w[i] + b[i] : xhat[i]);
      dw[i] += g[i] * xhat[i];
      db[i] += g[i];
      if (weighted) g[i] *= w[i];
    }
    for (const long double v : naive::normalised_gradient(g, row, epsilon<T>)) dx.push_back(v);
  }
  support::for_each_isa([&](isa level) {
    const auto got = run_rows<T>(level, rows, x, dy, weighted ? &w : nullptr, weighted ? &b : nullptr);
    CHECK(difference(got.mean, mean) <= tolerance<T>);
    CHECK(difference(got.y, y) <= tolerance<T>);
    CHECK(difference(got.dx, dx) <= 4 * tolerance<T>);
    CHECK(difference(got.dw, dw) <= 4 * tolerance<T>);
    CHECK(difference(got.db, db) <= 4 * tolerance<T>);
    CHECK(got.intact);
  });
}

}  // namespace

TEST_CASE_TEMPLATE("batch norm: planes and columns of every size", T, float, double) {
  for (const std::int64_t edge : support::edge_sizes) {
    if (edge == 0) continue;
    check_batch<T>({1, 2, edge});
    check_batch<T>({3, 3, edge});
    check_batch<T>({5, edge, 1});
    check_batch<T>({edge, 5, 1});
    check_batch<T>({2, edge, 2});
  }
  for (const std::int64_t channels : {511, 513, 1100})
    check_batch<T>({3, channels, 1});  // strips are 64 registers wide
  check_batch<T>({1, 1, 2100});        // rows are added up in parts of 2048, columns in parts of 128
  check_batch<T>({400, 9, 1});
}

TEST_CASE_TEMPLATE("layer norm: rows of every size", T, float, double) {
  for (const std::int64_t edge : support::edge_sizes) {
    if (edge == 0) continue;
    check_rows<T>(1, edge, true);
    check_rows<T>(3, edge, false);
    check_rows<T>(edge, 5, true);
  }
  check_rows<T>(1, 2100, true);
  check_rows<T>(400, 9, true);
}

// Without a mean: y = x / sqrt(mean(x^2) + epsilon), and its slope.
TEST_CASE_TEMPLATE("rms norm: rows of every size, gradients by central differences in long double", T, float, double) {
  const T* none = nullptr;
  T* nowhere = nullptr;
  const auto root = [](const naive::list& row) {
    return std::sqrt(naive::product_sum(row, row) / static_cast<long double>(row.size()) + epsilon<T>);
  };
  for (const std::int64_t length : support::edge_sizes) {
    if (length == 0) continue;
    const auto x = noise_values<T>(2 * length, 1), dy = noise_values<T>(2 * length, 2);
    naive::list y, dx;
    for (std::int64_t r = 0; r < 2; ++r) {
      naive::list row = naive::channel(x.data(), 1, 2, length, r);
      const naive::list g = naive::channel(dy.data(), 1, 2, length, r);
      for (const long double v : row) y.push_back(v / root(row));
      for (long double& v : row) {
        const long double at = v, h = 1e-5L;
        const auto loss = [&](long double moved) {
          v = moved;
          return naive::product_sum(g, row) / root(row);
        };
        dx.push_back((loss(at + h) - loss(at - h)) / (2 * h));
        v = at;
      }
    }
    support::for_each_isa([&](isa level) {
      guarded<T> out(2 * length), inverse(2), slope(2 * length);
      dispatch<kernels::layer_norm<T>>(level, x.data(), none, none, out.data(), nowhere, inverse.data(),
                                       static_cast<double>(epsilon<T>), false, std::int64_t{2}, length);
      dispatch<kernels::layer_norm_gradient<T>>(level, dy.data(), x.data(), none, none,
                                                static_cast<const T*>(inverse.data()), slope.data(), nowhere, nowhere,
                                                std::int64_t{2}, length, std::int64_t{0}, std::int64_t{1});
      CHECK(support::difference(std::as_const(out).values(), y) <= tolerance<T>);
      CHECK(support::difference(std::as_const(slope).values(), dx) <= (sizeof(T) == 4 ? 2e-5 : 1e-8));
      CHECK((out.intact() && inverse.intact() && slope.intact()));
    });
  }
}

TEST_CASE_TEMPLATE("norm: statistics are exact far from 0, and after a first value like no other", T, float, double) {
  for (const double offset : {1e3, -1e5, 1e6})
    for (const double outlier : {0.0, 1e8})
      for (const sizes& of : {sizes{40, 3, 50}, sizes{2000, 3, 1}, sizes{3, 3, 5000}}) {
        INFO("offset ", offset, " outlier ", outlier, " batch ", of.batch, " length ", of.length);
        auto x = noise_values<T>(of.count(), 1, offset - 100, offset + 100);
        if (outlier != 0) x[0] = static_cast<T>(outlier);
        support::for_each_isa([&](isa level) {
          guarded<T> mean(3), variance(3);
          dispatch<kernels::channel_statistics<T>>(level, x.data(), mean.data(), variance.data(), of.batch, of.channels,
                                                   of.length, std::int64_t{0}, std::int64_t{3});
          for (std::int64_t c = 0; c < 3; ++c) {
            const naive::spread s = naive::moments(naive::channel(x.data(), of.batch, of.channels, of.length, c));
            CHECK(support::ulps(mean[c], s.mean) <= (outlier == 0 ? 1 : 8));
            CHECK(std::abs(static_cast<long double>(variance[c]) / s.variance - 1) <= (sizeof(T) == 4 ? 1e-5 : 1e-14));
          }
        });
      }
}

TEST_CASE_TEMPLATE("norm: equal values have no variance at all", T, float, double) {
  support::for_each_isa([](isa level) {
    for (const sizes& of : {sizes{7, 2, 31}, sizes{300, 2, 1}}) {
      const std::vector<T> x(static_cast<std::size_t>(of.count()), T(0.1));
      T mean[2], variance[2];
      dispatch<kernels::channel_statistics<T>>(level, x.data(), &mean[0], &variance[0], of.batch, of.channels,
                                               of.length, std::int64_t{0}, std::int64_t{2});
      CHECK((mean[0] == T(0.1) && mean[1] == T(0.1) && variance[0] == 0 && variance[1] == 0));
    }
  });
}

TEST_CASE_TEMPLATE("norm: a row has the same bits alone, and NaN keeps to its row or channel", T, float, double) {
  const std::int64_t rows = 3, length = 21;
  const auto x = noise_values<T>(rows * length, 8, -4, 4), dy = noise_values<T>(rows * length, 9),
             w = noise_values<T>(length, 3), b = noise_values<T>(length, 4);
  support::for_each_isa([&](isa level) {
    const auto part = [&](const std::vector<T>& all, std::int64_t r) {
      return std::vector<T>(all.begin() + r * length, all.begin() + (r + 1) * length);
    };
    const auto same = [&](const row_outcome<T>& all, std::int64_t r) {
      const auto alone = run_rows<T>(level, 1, part(x, r), part(dy, r), &w, &b);
      CHECK(same_bits(std::span<const T>(alone.y), std::span<const T>(part(all.y, r))));
      CHECK(same_bits(std::span<const T>(alone.dx), std::span<const T>(part(all.dx, r))));
    };
    const auto all = run_rows<T>(level, rows, x, dy, &w, &b);
    for (std::int64_t r = 0; r < rows; ++r) same(all, r);
    for (const std::int64_t at : {0, 9, 20})
      for (const T poison : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
        auto poisoned = x;
        poisoned[static_cast<std::size_t>(length + at)] = poison;
        const auto got = run_rows<T>(level, rows, poisoned, dy, &w, &b);
        same(got, 0);
        same(got, 2);
        CHECK((support::is_nan(got.y[static_cast<std::size_t>(length)]) && support::is_nan(got.dx[22])));
        for (const sizes& of : {sizes{1, rows, length}, sizes{length, rows, 1}}) {
          const auto batch = run_batch<T>(level, of, poisoned, dy, w, b, 1),
                     clean = run_batch<T>(level, of, x, dy, w, b, 1);
          const std::int64_t hit = of.length == 1 ? (length + at) % rows : 1;
          for (std::int64_t c = 0; c < rows; ++c) {
            const bool nan = support::is_nan(batch.variance.data()[c]);
            CHECK(nan == (c == hit));
            if (!nan) CHECK(same_bits(batch.dw.data()[c], clean.dw.data()[c]));
          }
        }
      }
  });
}

TEST_CASE_TEMPLATE("norm: missing centres, shifts and weights; work of no size", T, float, double) {
  const std::vector<T> x{1, 2, 3, 4, 5, 6}, scale{2, -1, T(0.5)};
  const T* none = nullptr;
  support::for_each_isa([&](isa level) {
    guarded<T> y(6);
    dispatch<kernels::channel_affine<T>>(level, x.data(), none, scale.data(), none, y.data(), std::int64_t{3},
                                         std::int64_t{2}, std::int64_t{0}, std::int64_t{1}, std::int64_t{0},
                                         std::int64_t{3}, false);
    CHECK(support::difference(std::as_const(y).values(), naive::list{2, 4, -3, -4, 2.5, 3}) == 0);
    dispatch<kernels::channel_affine<T>>(level, x.data(), scale.data(), scale.data(), none, y.data(), std::int64_t{3},
                                         std::int64_t{1}, std::int64_t{0}, std::int64_t{2}, std::int64_t{0},
                                         std::int64_t{3}, false);
    CHECK(support::difference(std::as_const(y).values(), naive::list{-2, -3, 1.25, 4, -6, 2.75}) == 0);
    CHECK(y.intact());
    dispatch<kernels::channel_affine<T>>(level, none, none, none, none, y.data(), std::int64_t{0}, std::int64_t{1},
                                         std::int64_t{0}, std::int64_t{0}, std::int64_t{0}, std::int64_t{0}, false);
    guarded<T> dw(3, T{7}), db(3, T{7});
    T* const nowhere = nullptr;
    dispatch<kernels::layer_norm_gradient<T>>(level, none, none, none, none, none, nowhere, dw.data(), db.data(),
                                              std::int64_t{0}, std::int64_t{3}, std::int64_t{0}, std::int64_t{1});
    CHECK(support::difference(std::as_const(dw).values(), naive::list{0, 0, 0}) == 0);
    CHECK(support::difference(std::as_const(db).values(), naive::list{0, 0, 0}) == 0);
    dispatch<kernels::channel_gradient_sums<T>>(level, none, none, scale.data(), scale.data(), dw.data(), db.data(),
                                                std::int64_t{0}, std::int64_t{3}, std::int64_t{1}, std::int64_t{0},
                                                std::int64_t{3});
    CHECK(support::difference(std::as_const(db).values(), naive::list{0, 0, 0}) == 0);
  });
}
