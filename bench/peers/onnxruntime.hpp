// ONNX Runtime through its C interface, a table of functions whose order is fixed for good: those of its first version
// that are needed here are called by their place. The library is loaded when a network is made, so that building needs
// neither it nor its header. Models are files that onnx_models.py wrote from our weights.
#pragma once

#include <dlfcn.h>

#include <array>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <type_traits>

#include "network.hpp"

namespace bench {

class onnxruntime {
 public:
  onnxruntime(const std::string& library, int threads) {
    void* const loaded = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (loaded == nullptr) throw std::runtime_error(dlerror());
    const auto base = reinterpret_cast<const api_base* (*)()>(dlsym(loaded, "OrtGetApiBase"));
    if (base == nullptr) throw std::runtime_error(dlerror());
    api_ = base()->get(1);
    call<create_env>(3, "bench", &env_);  // errors alone are logged
    call<create_options>(&options_);
    call<set_optimisation>(options_, 99);
    call<set_threads>(options_, threads);
    call<create_cpu_memory>(0, 0, &memory_);
  }

  void* session(const std::string& file) const {
    void* out = nullptr;
    call<create_session>(env_, file.c_str(), options_, &out);
    return out;
  }
  // A tensor of floats or int64 on the caller's memory.
  template <class T> void* value(const T* at, const std::vector<std::int64_t>& sizes) const {
    std::size_t bytes = sizeof(T);
    for (const std::int64_t s : sizes) bytes *= static_cast<std::size_t>(s);
    void* out = nullptr;
    call<create_tensor>(memory_, const_cast<T*>(at), bytes, sizes.data(), sizes.size(),
                        std::is_same_v<T, float> ? 1 : 7, &out);
    return out;
  }
  void run(void* session, void* x, void* y) const {
    const char *in = "x", *out = "y";
    call<run_session>(session, nullptr, &in, &x, std::size_t{1}, &out, std::size_t{1}, &y);
  }
  void drop_session(void* session) const { drop(95, session); }
  void drop_value(void* value) const { drop(96, value); }

 private:
  struct api_base {
    const void* const* (*get)(std::uint32_t version);
    const char* (*version)();
  };
  template <int Place, class... A> struct function {
    static constexpr int place = Place;
    using type = void* (*)(A...);  // gives a status, null when all is well
  };
  using create_env = function<3, int, const char*, void**>;
  using create_session = function<7, void*, const char*, void*, void**>;
  using run_session = function<9, void*, void*, const char**, void**, std::size_t, const char**, std::size_t, void**>;
  using create_options = function<10, void**>;
  using set_optimisation = function<23, void*, int>;
  using set_threads = function<24, void*, int>;
  using create_tensor = function<49, void*, void*, std::size_t, const std::int64_t*, std::size_t, int, void**>;
  using create_cpu_memory = function<69, int, int, void**>;

  template <class F, class... A> void call(A... a) const {
    void* const status = reinterpret_cast<typename F::type>(const_cast<void*>(api_[F::place]))(a...);
    if (status == nullptr) return;
    const auto message = reinterpret_cast<const char* (*)(void*)>(const_cast<void*>(api_[2]));
    throw std::runtime_error(message(status));
  }
  void drop(int place, void* what) const { reinterpret_cast<void (*)(void*)>(const_cast<void*>(api_[place]))(what); }

  const void* const* api_ = nullptr;
  void *env_ = nullptr, *options_ = nullptr, *memory_ = nullptr;
};

class onnx_network final : public network {
 public:
  onnx_network(const onnxruntime& runtime, const std::string& file, std::int64_t outputs)
      : runtime_(runtime), session_(runtime.session(file)), outputs_(outputs) {}
  ~onnx_network() override {
    for (const batch& b : batches_) runtime_.drop_value(b.x), runtime_.drop_value(b.y);
    runtime_.drop_session(session_);
  }
  onnx_network(const onnx_network&) = delete;
  onnx_network& operator=(const onnx_network&) = delete;

  void add_batch(const view& x, const std::int64_t*) override {
    sizes_ = x.sizes;
    scores_.resize(static_cast<std::size_t>(x.sizes[0] * outputs_));
    batches_.push_back({runtime_.value(x.values, x.sizes), runtime_.value(scores_.data(), {x.sizes[0], outputs_})});
  }
  void infer(std::size_t at) override { runtime_.run(session_, batches_[at].x, batches_[at].y); }
  const float* scores() override { return scores_.data(); }

  void call(const float* in, float* out) override {
    void *x = runtime_.value(in, sizes_), *y = runtime_.value(out, {1, outputs_});
    runtime_.run(session_, x, y);
    runtime_.drop_value(x), runtime_.drop_value(y);
  }

 private:
  struct batch {
    void *x, *y;
  };

  const onnxruntime& runtime_;
  void* session_;
  std::int64_t outputs_;
  std::vector<std::int64_t> sizes_;
  std::vector<float> scores_;
  std::vector<batch> batches_;
};

// Models that were written to a folder, each with one input, x of floats or int64, and one output of floats.
class onnx_folder {
 public:
  // Without a library there are none.
  onnx_folder(const std::string& library, const std::string& folder, int threads) : folder_(folder) {
    if (!library.empty()) runtime_.emplace(library, threads);
  }

  // Adds the model of this kind to a row where it was written. x is borrowed.
  template <class T>
  void add(std::vector<contestant>& to, const std::string& kind, const T* x, const std::vector<std::int64_t>& of_x,
           const std::vector<std::int64_t>& of_y, double target) const {
    const std::string file = folder_ + "/" + kind + ".onnx";
    if (!runtime_ || !std::filesystem::exists(file)) return;
    const auto y = std::make_shared<std::vector<float>>(static_cast<std::size_t>(view{of_y}.size()));
    const auto s = std::make_shared<open>(*runtime_, file, runtime_->value(x, of_x), runtime_->value(y->data(), of_y));
    to.push_back({.name = "ONNX Runtime",
                  .call = [=] { s->runtime.run(s->session, s->x, s->y); },
                  .result = [=] { return results{sampled(y->data(), std::ssize(*y))}; },
                  .target = target});
  }

 private:
  struct open {
    const onnxruntime& runtime;
    void *session, *x, *y;
    open(const onnxruntime& of, const std::string& file, void* in, void* out)
        : runtime(of), session(of.session(file)), x(in), y(out) {}
    ~open() {
      runtime.drop_value(x), runtime.drop_value(y);
      runtime.drop_session(session);
    }
    open(const open&) = delete;
    open& operator=(const open&) = delete;
  };

  std::string folder_;
  std::optional<onnxruntime> runtime_;
};

}  // namespace bench
