// The plug-in: a model of this library inside a shared library with a C interface. No exception leaves it.
#include "plugin.h"

#include <cstring>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>

struct digit_model {
  inlay::nn::dense<float> hidden{{.in = 64, .out = 128, .activation = inlay::activation::relu}};
  inlay::nn::dense<float> scores{{.in = 128, .out = 10}};

  auto operator()(const auto& x) const { return scores(hidden(x)); }
  static void members(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT digit_model* digit_model_load(const char* path, char* message, int size) try {
  auto model = std::make_unique<digit_model>();
  inlay::io::load(*model, path);
  return model.release();
} catch (const std::exception& problem) {
  if (size > 0) {
    std::strncpy(message, problem.what(), static_cast<std::size_t>(size));
    message[size - 1] = '\0';
  }
  return nullptr;
}

EXPORT int digit_model_predict(const digit_model* model, const float* pixels, int count, float* scores) try {
  const inlay::thread_scope serial(1);                                              // the host has its own threads
  const auto images = inlay::tensor<float>::foreign(pixels, {count, 64}, nullptr);  // used in place, not kept
  const inlay::tensor<float> out = (*model)(images);
  std::memcpy(scores, out.data(), out.bytes());
  return 0;
} catch (const std::exception&) {
  return -1;
}

EXPORT void digit_model_free(digit_model* model) { delete model; }

EXPORT int digit_model_create(const char* path, unsigned seed) try {
  digit_model model;
  inlay::init::weights(model, {.seed = seed});
  inlay::io::save(model, path);
  return 0;
} catch (const std::exception&) {
  return -1;
}
