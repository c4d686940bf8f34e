// A host that knows nothing of this library: loads the plug-in, and predicts from 8 threads on one model.
//   host PLUGIN.so
#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "plugin.h"

namespace {

constexpr int images = 64, pixels = 64, classes = 10, threads = 8, rounds = 200;

template <class F> F* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) {
    std::fprintf(stderr, "host: %s\n", dlerror());
    std::exit(1);
  }
  return reinterpret_cast<F*>(found);
}

}  // namespace

int main(int argc, char** argv) {
  void* library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library == nullptr) {
    std::fprintf(stderr, "host: %s\n", argc > 1 ? dlerror() : "usage: host PLUGIN.so");
    return 1;
  }
  const auto create = symbol<decltype(digit_model_create)>(library, "digit_model_create");
  const auto load = symbol<decltype(digit_model_load)>(library, "digit_model_load");
  const auto predict = symbol<decltype(digit_model_predict)>(library, "digit_model_predict");
  const auto release = symbol<decltype(digit_model_free)>(library, "digit_model_free");

  char message[256] = "";
  if (load("/nowhere/model.safetensors", message, sizeof message) != nullptr) return 1;
  std::printf("a missing file gives: %s\n", message);

  const std::string path = (std::filesystem::temp_directory_path() / "embed_plugin.safetensors").string();
  if (create(path.c_str(), 7) != 0) return 1;
  digit_model* model = load(path.c_str(), message, sizeof message);
  std::filesystem::remove(path);
  if (model == nullptr) {
    std::fprintf(stderr, "host: %s\n", message);
    return 1;
  }

  std::vector<float> input(images * pixels), expected(images * classes);
  std::mt19937 random(7);
  for (float& value : input) value = static_cast<float>(random() % 17) / 16;
  if (predict(model, input.data(), images, expected.data()) != 0) return 1;

  // Each thread asks for one image at a time; every answer must have the bits of the batch.
  std::vector<int> wrong(threads);
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      float scores[classes];
      for (int i = 0; i < rounds * images; ++i) {
        const int image = (i + t) % images;
        const bool same = predict(model, &input[static_cast<std::size_t>(image) * pixels], 1, scores) == 0 &&
                          std::memcmp(scores, &expected[static_cast<std::size_t>(image) * classes], sizeof scores) == 0;
        wrong[static_cast<std::size_t>(t)] += !same;
      }
    });
  int failures = 0;
  for (int t = 0; t < threads; ++t) {
    workers[static_cast<std::size_t>(t)].join();
    failures += wrong[static_cast<std::size_t>(t)];
  }
  release(model);
  std::printf("%d predictions from %d threads on one model, %d differ from the batch\n", threads * rounds * images,
              threads, failures);
  return failures == 0 ? 0 : 1;
}
