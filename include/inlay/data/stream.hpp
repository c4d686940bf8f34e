// Batches of samples that come one after another and need not fit in memory: for (auto& batch : stream) …
// A source is anything with next(), an optional sample, and rewind(), after which the first sample comes again.
// A loader is a module, as in loader.hpp; going on within an epoch reads the samples before once more.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "dataset.hpp"
#include "position.hpp"

namespace inlay::inline v0_1::data {

// One input and its target, without an axis for the batch.
template <element X, element Y> struct sample {
  tensor<X> x;
  tensor<Y> y;
};
template <element X, element Y> sample(tensor<X>, tensor<Y>) -> sample<X, Y>;

template <class S> concept sample_source = requires(S& source) {
  source.next()->x.shape();
  source.next()->y.shape();
  source.rewind();
};

struct stream_config {
  std::int64_t batch_size = 32;
  std::int64_t shuffle_buffer = 0;  // samples to draw the next one from; 0: they come in their order
  std::uint64_t seed = 0;           // of the draws, which differ each epoch
  bool drop_last = false;           // leave out a last batch that is smaller
};

namespace detail {

// Samples of one shape side by side along a new first axis. Throws shape_error.
template <class T, class Sample>
tensor<T> stacked(const std::vector<Sample>& samples, tensor<T> Sample::*part, const char* name) {
  const shape& one = (samples[0].*part).shape();
  if (one.rank() == shape::max_rank)
    throw shape_error("stream_loader", {"expected samples of at most 7 axes, got ", one});
  shape sizes{static_cast<std::int64_t>(samples.size())};
  for (const std::int64_t size : one) sizes.append(size);
  tensor<T> out = empty<T>(sizes);
  T* to = inlay::detail::writable(out);
  for (const Sample& s : samples) {
    if (!((s.*part).shape() == one))
      throw shape_error("stream_loader",
                        {"expected every ", name, " of a batch to be ", one, ", got ", (s.*part).shape()});
    to = std::copy_n((s.*part).data(), one.size(), to);
  }
  return out;
}

}  // namespace detail

template <sample_source Source> class stream_loader {
  using sample_type = std::remove_cvref_t<decltype(*std::declval<Source&>().next())>;

 public:
  using batch_type = decltype(data::batch{std::declval<sample_type>().x, std::declval<sample_type>().y});

  // Throws value_error for a batch size below 1 or a negative buffer.
  explicit stream_loader(Source source, const stream_config& config = {})
      : source_(std::move(source)), config_(config) {
    if (config.batch_size < 1 || config.shuffle_buffer < 0)
      throw value_error("stream_loader", {"expected .batch_size of 1 or more and .shuffle_buffer of 0 or more, got ",
                                          config.batch_size, " and ", config.shuffle_buffer});
  }

  class iterator {
   public:
    using value_type = batch_type;
    using difference_type = std::ptrdiff_t;

    batch_type& operator*() const noexcept { return *loader_->current_; }
    batch_type* operator->() const noexcept { return &*loader_->current_; }
    iterator& operator++() {
      loader_->advance();
      mark_.move(at_end());
      return *this;
    }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.at_end(); }

   private:
    friend class stream_loader;
    iterator(stream_loader& loader, detail::epoch_mark mark) : loader_(&loader), mark_(std::move(mark)) { ++*this; }
    bool at_end() const noexcept { return !loader_->current_; }

    stream_loader* loader_;
    detail::epoch_mark mark_;
  };

  // Starts an epoch, or goes on with the one of a loaded position: rewinds the source. Iterators of an earlier one are
  // not to be used any more. Throws state_error for a position that the source does not reach.
  iterator begin() {
    const std::int64_t first = position_.start((std::numeric_limits<std::int64_t>::max)());
    detail::epoch_mark mark(position_);
    random_ = random::generator(config_.seed, static_cast<std::uint64_t>(position_.epochs - 1));
    buffer_.clear();
    source_.rewind();
    for (std::int64_t i = 0; i < first; ++i) {
      advance();
      if (!current_) position_.misfit(i);
    }
    return iterator(*this, std::move(mark));
  }
  std::default_sentinel_t end() const noexcept { return {}; }

  // Epochs started so far; set it to go on with a certain one.
  std::int64_t epochs() const noexcept { return position_.epochs; }
  void set_epochs(std::int64_t epochs) noexcept { position_ = {.epochs = epochs}; }

  static void members(auto& self, auto&& visit) { detail::loader_position::members(self.position_, visit); }

  const Source& source() const noexcept { return source_; }

 private:
  void advance() {
    current_.reset();  // its memory goes back before the next batch is made
    std::vector<sample_type> samples;
    while (static_cast<std::int64_t>(samples.size()) < config_.batch_size) {
      std::optional<sample_type> one = drawn();
      if (!one) break;
      samples.push_back(std::move(*one));
    }
    if (samples.empty()) return;
    if (config_.drop_last && static_cast<std::int64_t>(samples.size()) < config_.batch_size) return;
    current_.emplace(
        batch_type{detail::stacked(samples, &sample_type::x, "x"), detail::stacked(samples, &sample_type::y, "y")});
  }

  // A random sample of the buffer, whose place the next one of the source takes.
  std::optional<sample_type> drawn() {
    std::optional<sample_type> next = source_.next();
    if (config_.shuffle_buffer == 0) return next;
    for (; next; next = source_.next()) {
      if (static_cast<std::int64_t>(buffer_.size()) == config_.shuffle_buffer) {
        std::swap(*next, buffer_[static_cast<std::size_t>(random_.below(buffer_.size()))]);
        return next;
      }
      buffer_.push_back(std::move(*next));
    }
    if (buffer_.empty()) return {};
    std::swap(buffer_[static_cast<std::size_t>(random_.below(buffer_.size()))], buffer_.back());
    next.emplace(std::move(buffer_.back()));
    buffer_.pop_back();
    return next;
  }

  Source source_;
  stream_config config_;
  random::generator random_;
  std::vector<sample_type> buffer_;
  std::optional<batch_type> current_;
  detail::loader_position position_;
};

}  // namespace inlay::inline v0_1::data
