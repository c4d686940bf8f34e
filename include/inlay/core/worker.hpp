// Threads that work beside the caller, and the lock they wait on. On POSIX threads themselves: <thread>, <mutex> and
// <condition_variable> stand on the same, and cost every program that includes them a tenth of its compile time.
#pragma once

#include <memory>
#include <utility>

#include <pthread.h>

#include "error.hpp"

namespace inlay::inline v0_1::detail {

// A mutex with one condition. Has lock() and unlock(), as std::mutex.
class monitor {
 public:
  monitor() noexcept = default;
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;
  ~monitor() {
    pthread_cond_destroy(&changed_);
    pthread_mutex_destroy(&mutex_);
  }

  void lock() noexcept { pthread_mutex_lock(&mutex_); }
  void unlock() noexcept { pthread_mutex_unlock(&mutex_); }
  void notify_all() noexcept { pthread_cond_broadcast(&changed_); }

  // Locked before and after.
  template <class Condition> void wait_until(Condition&& holds) noexcept {
    while (!holds()) pthread_cond_wait(&changed_, &mutex_);
  }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
};

// Holds a monitor for as long as the object lives.
class monitor_lock {
 public:
  explicit monitor_lock(monitor& of) noexcept : monitor_(of) { monitor_.lock(); }
  ~monitor_lock() { monitor_.unlock(); }
  monitor_lock(const monitor_lock&) = delete;
  monitor_lock& operator=(const monitor_lock&) = delete;

 private:
  monitor& monitor_;
};

// A thread that runs f() noexcept; its destructor waits for the end.
class worker {
 public:
  // Throws state_error when the system has no more threads.
  template <class F> explicit worker(F f) {
    auto task = std::make_unique<F>(std::move(f));
    const auto run = [](void* given) -> void* {
      (*std::unique_ptr<F>(static_cast<F*>(given)))();
      return nullptr;
    };
    if (const int failure = pthread_create(&thread_, nullptr, run, task.get()); failure != 0) [[unlikely]]
      throw state_error(
          "worker", {"the system gives no more threads (error ", failure, "); use fewer workers, or raise its limit"});
    task.release();
    running_ = true;
  }
  worker(worker&& other) noexcept : thread_(other.thread_), running_(std::exchange(other.running_, false)) {}
  worker& operator=(worker&&) = delete;
  ~worker() {
    if (running_) pthread_join(thread_, nullptr);
  }

 private:
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace inlay::inline v0_1::detail
