// Batches of a dataset, one epoch per loop: for (auto& batch : loader) …
// The order depends on the seed and the epoch alone; worker threads prepare batches ahead and change nothing else.
// A dataset that has set_epoch(epoch) is told which one starts. A loader is a module: saved within an epoch and loaded
// into another, its next loop goes on with the batch after the one that was handed out last.
#pragma once

#include <optional>
#include <vector>

#include "../core/worker.hpp"
#include "dataset.hpp"
#include "position.hpp"

namespace inlay::inline v0_1::data {

struct loader_config {
  std::int64_t batch_size = 32;
  bool shuffle = false;    // another order each epoch
  std::uint64_t seed = 0;  // of the order
  bool drop_last = false;  // leave out a last batch that is smaller
  int workers = 0;         // threads that prepare batches ahead; 0: the caller's
};

namespace detail {

// A dataset that is another one each epoch. It is copied when an epoch starts, and the copy is told which.
template <class D> concept with_epochs = requires(D& d, std::uint64_t epoch) { d.set_epoch(epoch); };

// The batches of one epoch, in order.
template <class Dataset> class epoch {
 public:
  using batch_type = decltype(std::declval<const Dataset&>().batch(std::span<const std::int64_t>{}));

  epoch(const Dataset& source, tensor<std::int64_t> order, const loader_config& config, std::int64_t first,
        std::int64_t batches)
      : source_(source),
        order_(std::move(order)),
        config_(config),
        batches_(batches),
        started_(first),
        taken_(first),
        slots_(static_cast<std::size_t>(2 * config.workers)) {
    try {
      for (int i = 0; i < config.workers; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {  // the system has no more threads
      stop();
      throw;
    }
  }
  epoch(const epoch&) = delete;
  epoch& operator=(const epoch&) = delete;
  ~epoch() { stop(); }

  // The next batch, or nothing at the end. An exception of the dataset appears here, at the batch that caused it.
  bool next(std::optional<batch_type>& out) {
    if (taken_ == batches_) return false;
    if (workers_.empty()) {
      out.emplace(make(taken_++));
      return true;
    }
    out.reset();  // its memory goes back before the next batch is waited for
    std::exception_ptr failure;
    {
      const inlay::detail::monitor_lock lock(monitor_);
      slot& ready = slots_[static_cast<std::size_t>(taken_) % slots_.size()];
      monitor_.wait_until([&] { return ready.full; });
      ready.full = false;
      ++taken_;
      out = std::move(ready.batch);
      ready.batch.reset();
      failure = std::exchange(ready.failure, nullptr);
    }
    monitor_.notify_all();
    if (failure) std::rethrow_exception(failure);
    return true;
  }

 private:
  struct slot {
    std::optional<batch_type> batch;
    std::exception_ptr failure;
    bool full = false;
  };

  batch_type make(std::int64_t i) const {
    const std::int64_t first = i * config_.batch_size, last = std::min(first + config_.batch_size, order_.size());
    return source_.batch(
        order_.values().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
  }

  void stop() noexcept {
    {
      const inlay::detail::monitor_lock lock(monitor_);
      stopped_ = true;
    }
    monitor_.notify_all();
    workers_.clear();
  }

  void work() noexcept {
    const thread_scope serial(1);  // the model's kernels have the cores
    inlay::detail::forced_isa = isa_;
    for (std::int64_t mine = claim(); mine < batches_; mine = claim()) {
      std::optional<batch_type> made;
      std::exception_ptr failure;
      try {
        made.emplace(make(mine));
      } catch (...) {
        failure = std::current_exception();
      }
      {
        const inlay::detail::monitor_lock lock(monitor_);
        slot& to = slots_[static_cast<std::size_t>(mine) % slots_.size()];
        to.batch = std::move(made);
        to.failure = std::move(failure);
        to.full = true;
      }
      monitor_.notify_all();
    }
  }

  // Waits for a free slot; the batch to put there, or batches_ at the end.
  std::int64_t claim() noexcept {
    const inlay::detail::monitor_lock lock(monitor_);
    const std::int64_t ahead = static_cast<std::int64_t>(slots_.size());
    monitor_.wait_until([&] { return stopped_ || started_ == batches_ || started_ < taken_ + ahead; });
    return stopped_ || started_ == batches_ ? batches_ : started_++;
  }

  const std::conditional_t<with_epochs<Dataset>, Dataset, const Dataset&> source_;
  const tensor<std::int64_t> order_;
  const loader_config config_;
  const std::int64_t batches_;
  const int isa_ = inlay::detail::forced_isa;  // the caller's
  std::int64_t started_, taken_;               // batches handed to a worker · to the caller
  bool stopped_ = false;
  std::vector<slot> slots_;
  inlay::detail::monitor monitor_;
  std::vector<inlay::detail::worker> workers_;
};

}  // namespace detail

template <dataset Dataset> class loader {
 public:
  using batch_type = typename detail::epoch<Dataset>::batch_type;

  // Throws value_error for a batch size below 1 or a negative number of workers.
  explicit loader(Dataset source, const loader_config& config = {}) : source_(std::move(source)), config_(config) {
    if (config.batch_size < 1 || config.workers < 0)
      throw value_error("loader", {"expected .batch_size of 1 or more and .workers of 0 or more, got ",
                                   config.batch_size, " and ", config.workers});
  }

  class iterator {
   public:
    using value_type = batch_type;
    using difference_type = std::ptrdiff_t;

    batch_type& operator*() const noexcept { return *current_; }
    batch_type* operator->() const noexcept { return &*current_; }
    iterator& operator++() {
      mark_.move(false);  // also past a batch that fails
      at_end_ = !epoch_->next(current_);
      if (at_end_) mark_.move(true);
      return *this;
    }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.at_end_; }

   private:
    friend class loader;
    iterator(std::unique_ptr<detail::epoch<Dataset>> epoch, detail::epoch_mark mark)
        : epoch_(std::move(epoch)), mark_(std::move(mark)) {
      ++*this;
    }

    std::unique_ptr<detail::epoch<Dataset>> epoch_;
    detail::epoch_mark mark_;
    mutable std::optional<batch_type> current_;
    bool at_end_ = false;
  };

  // Starts an epoch, or goes on with the one of a loaded position. Leaving the loop early ends its threads and the
  // epoch. The loader must stay where it is meanwhile. Throws state_error for a position that these batches do not
  // have.
  iterator begin() {
    const std::int64_t first = position_.start(batches());
    detail::epoch_mark mark(position_);
    const auto now = static_cast<std::uint64_t>(position_.epochs - 1);
    const auto start = [&](const Dataset& source) {
      return iterator(std::make_unique<detail::epoch<Dataset>>(source, order(now), config_, first, batches()),
                      std::move(mark));
    };
    if constexpr (detail::with_epochs<Dataset>) {
      Dataset of_now = source_;
      of_now.set_epoch(now);
      return start(of_now);
    } else {
      return start(source_);
    }
  }
  std::default_sentinel_t end() const noexcept { return {}; }

  // Batches per epoch.
  std::int64_t batches() const {
    const std::int64_t size = source_.size();
    return size / config_.batch_size + (!config_.drop_last && size % config_.batch_size != 0);
  }

  // Epochs started so far; set it to go on with a certain one.
  std::int64_t epochs() const noexcept { return position_.epochs; }
  void set_epochs(std::int64_t epochs) noexcept { position_ = {.epochs = epochs}; }

  static void members(auto& self, auto&& visit) { detail::loader_position::members(self.position_, visit); }

  const Dataset& source() const noexcept { return source_; }

 private:
  tensor<std::int64_t> order(std::uint64_t epoch) const {
    random::generator g(config_.seed, epoch);
    if (config_.shuffle) return random::permutation(g, source_.size());
    tensor<std::int64_t> out = empty<std::int64_t>({source_.size()});
    out.write([](std::span<std::int64_t> rows) {
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
    });
    return out;
  }

  Dataset source_;
  loader_config config_;
  detail::loader_position position_;
};

}  // namespace inlay::inline v0_1::data
