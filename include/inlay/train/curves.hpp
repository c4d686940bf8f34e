// The curves of a run as a picture (SVG): one panel for each measure, training and validation in it together, over the
// epochs.
#pragma once

#include <charconv>
#include <cmath>

#include "kept.hpp"

namespace inlay::inline v0_1::train::detail {

// For places on the picture and marks on its axes: six digits are enough.
inline std::string short_number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value == 0 ? 0 : value, std::chars_format::general, 6).ptr};
}

inline std::string xml_text(std::string_view raw) {
  std::string out;
  for (const char c : raw)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

// One axis: numbers to pixels, with about `marks` round numbers.
class axis {
 public:
  axis(double low, double high, double first_pixel, double last_pixel, int marks) : low_(low), high_(high) {
    if (!(high_ > low_)) {  // one value: it stands in the middle
      const double room = low_ == 0 ? 1 : std::fabs(low_) / 2;
      low_ -= room;
      high_ += room;
    }
    first_ = first_pixel;
    scale_ = (last_pixel - first_pixel) / (high_ - low_);
    const double raw = (high_ - low_) / marks, power = std::pow(10, std::floor(std::log10(raw)));
    step_ = power * (raw <= power ? 1 : raw <= 2 * power ? 2 : raw <= 5 * power ? 5 : 10);
  }

  double pixel(double value) const { return first_ + (value - low_) * scale_; }

  // Calls f(value) for each mark.
  template <class F> void each_mark(F&& f) const {
    for (double i = std::ceil(low_ / step_ - 1e-9); i * step_ <= high_ + 1e-9 * step_; ++i) f(i * step_);
  }

 private:
  double low_, high_, first_, scale_, step_;
};

class curves {
 public:
  static std::string svg(const measure_table& table) {
    curves picture(table);
    return picture.draw();
  }

 private:
  static constexpr int width = 420, height = 260, left = 62, right = 14, top = 34, bottom = 36;
  static constexpr const char* colours[] = {"#2563a8", "#d1542b", "#3a8f4d", "#8a4fa3", "#b08900", "#4b5563"};

  struct panel {
    std::string name;
    std::vector<std::size_t> columns;
  };

  explicit curves(const measure_table& table) : table_(table) {
    for (std::size_t c = 0; c < table.names.size(); ++c) {
      const std::string& full = table.names[c];
      if (full == "epoch" || full == "step") continue;
      const std::string name = full.starts_with("val_") ? full.substr(4) : full;
      std::size_t p = 0;
      while (p < panels_.size() && panels_[p].name != name) ++p;
      if (p == panels_.size()) panels_.push_back({name, {}});
      panels_[p].columns.push_back(c);
    }
  }

  std::string draw() {
    const auto count = static_cast<int>(panels_.size());
    const std::string wide = std::to_string((count > 1 ? 2 : 1) * width),
                      high = std::to_string((std::max(count, 1) + 1) / 2 * height);
    out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + wide + "\" height=\"" + high +
           "\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    for (int p = 0; p < count; ++p) {
      out_ +=
          "<g transform=\"translate(" + std::to_string(p % 2 * width) + "," + std::to_string(p / 2 * height) + ")\">\n";
      draw(panels_[static_cast<std::size_t>(p)]);
      out_ += "</g>\n";
    }
    return out_ + "</svg>\n";
  }

  void draw(const panel& of) {
    double low = std::numeric_limits<double>::max(), high = std::numeric_limits<double>::lowest();
    for (const std::size_t c : of.columns)
      for (const std::vector<double>& row : table_.rows)
        if (inlay::detail::is_finite(row[c])) {
          low = std::min(low, row[c]);
          high = std::max(high, row[c]);
        }
    if (low > high) low = high = 0;
    const axis x(1, std::max<double>(2, static_cast<double>(table_.rows.size())), left, width - right, 6);
    const axis y(low, high, height - bottom, top, 4);

    text(width / 2, 18, "middle", of.name, "#111", " font-size=\"13\"");
    y.each_mark([&](double value) {
      line(left, y.pixel(value), width - right, y.pixel(value), "#ddd");
      text(left - 6, y.pixel(value) + 4, "end", short_number(value));
    });
    x.each_mark([&](double value) {
      if (value == std::floor(value)) text(x.pixel(value), height - bottom + 16, "middle", short_number(value));
    });
    text((left + width - right) / 2, height - 6, "middle", "epoch");
    line(left, height - bottom, width - right, height - bottom, "#555");
    line(left, top, left, height - bottom, "#555");
    for (std::size_t i = 0; i < of.columns.size(); ++i) draw(of.columns[i], i, x, y, of.columns.size() > 1);
  }

  // One curve; values that are missing leave a gap. A point of its own is a dot.
  void draw(std::size_t column, std::size_t number, const axis& x, const axis& y, bool named) {
    const char* colour = colours[number % std::size(colours)];
    std::vector<std::string> points;
    const auto end_piece = [&] {
      if (points.size() == 1)
        out_ += "<circle r=\"2.5\" fill=\"" + std::string(colour) + "\" cx=\"" +
                points[0].substr(0, points[0].find(',')) + "\" cy=\"" + points[0].substr(points[0].find(',') + 1) +
                "\"/>\n";
      if (points.size() > 1) {
        out_ += "<polyline fill=\"none\" stroke-width=\"1.6\" stroke=\"" + std::string(colour) + "\" points=\"";
        for (const std::string& p : points) out_ += p + ' ';
        out_.back() = '"';
        out_ += "/>\n";
      }
      points.clear();
    };
    for (std::size_t i = 0; i < table_.rows.size(); ++i) {
      const double value = table_.rows[i][column];
      if (inlay::detail::is_finite(value))
        points.push_back(short_number(x.pixel(static_cast<double>(i + 1))) + ',' + short_number(y.pixel(value)));
      else
        end_piece();
    }
    end_piece();
    if (named) text(width - right - 4, top + 12 + 14 * static_cast<int>(number), "end", table_.names[column], colour);
  }

  void line(double x1, double y1, double x2, double y2, const char* colour) {
    out_ += "<line x1=\"" + short_number(x1) + "\" y1=\"" + short_number(y1) + "\" x2=\"" + short_number(x2) +
            "\" y2=\"" + short_number(y2) + "\" stroke=\"" + colour + "\"/>\n";
  }
  void text(double x, double y, const char* anchor, const std::string& words, const char* colour = "#333",
            const char* more = "") {
    out_ += "<text x=\"" + short_number(x) + "\" y=\"" + short_number(y) + "\" text-anchor=\"" + anchor + "\" fill=\"" +
            colour + "\"" + more + ">" + xml_text(words) + "</text>\n";
  }

  const measure_table& table_;
  std::vector<panel> panels_;
  std::string out_;
};

}  // namespace inlay::inline v0_1::train::detail
