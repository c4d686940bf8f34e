// A contact sheet of augmented images, to look at before you train on them: a row for each of some images, in the
// first column as it is, in each further one after another step, in the last two as two epochs would see it.
//   augment [SEED [SHEET.png [FOLDER]]]     default: 1, augmented.png among the temporary files, data/digits.csv
// FOLDER holds PNG and JPEG files, in folders or not. In this folder, with Debian's libstb-dev:
//   g++ -std=c++20 -O2 -fopenmp -I ../include augment.cpp -o augment && ./augment 7 sheet.png
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <inlay/data.hpp>
#include <inlay/image.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>

namespace {

using namespace inlay;

constexpr std::int64_t rows = 8, side = 64, border = 2;  // images on the sheet · pixels

// A few of `count` images; which ones depends on the seed.
tensor<std::int64_t> choose(std::int64_t count, std::uint64_t seed) {
  random::generator g{seed};
  return random::permutation(g, count).slice(0, std::min(rows, count));
}

// Digits in blue ink on cream paper, so that colours can be seen to change.
tensor<float> read_digits(const std::string& path, std::uint64_t seed) {
  const data::table table = data::read_csv(path);
  const tensor<float> all = (table.columns(0, -1).cast<float>() * (1 / 16.0f)).reshape({-1, 1, 8, 8});
  const tensor<std::int64_t> chosen = choose(all.dim(0), seed);
  const tensor<float> strokes = data::resize(data::take_rows(all, chosen.values()), side, side);
  const auto ink = from<float>({3, 1, 1}, {0.1f, 0.2f, 0.6f}), paper = from<float>({3, 1, 1}, {1.0f, 0.95f, 0.8f});
  return paper + (ink - paper) * strokes;
}

tensor<float> read_folder(const std::string& folder, std::uint64_t seed) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string end = entry.path().extension().string();
    for (char& c : end) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool image = end == ".png" || end == ".jpg" || end == ".jpeg";
    if (image && entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  if (paths.empty()) throw io_error("augment", {"expected .png, .jpg or .jpeg files in ", folder, ", got none"});
  std::sort(paths.begin(), paths.end());  // folders have no order

  std::vector<tensor<float>> images;
  const tensor<std::int64_t> chosen = choose(static_cast<std::int64_t>(paths.size()), seed);
  for (const std::int64_t i : chosen.values()) {
    const tensor<std::uint8_t> pixels = data::read_image(paths[static_cast<std::size_t>(i)], {.channels = 3});
    images.push_back(data::resize(pixels.cast<float>() * (1 / 255.0f), side, side));
  }
  return stack(0, images);
}

struct column {
  const char* name;
  tensor<float> images;  // (N, 3, side, side)
};

std::vector<column> augmented(const tensor<float>& images, std::uint64_t seed) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(images.dim(0)));  // each image draws by its own
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto after = [&](const auto&... steps) { return data::augment(images, numbers, seed, 0, steps...); };

  // Mixup blends the classes too; here each image is its own. An alpha of 0.2 is usual in training; 4 blends in halves
  // or so.
  random::generator g{seed};
  const auto mixed = data::mixup(images, from<std::int64_t>({images.dim(0)}, numbers), images.dim(0), g, 4.0);

  // In training, a loader tells this dataset the epoch.
  data::augmented dataset(data::tensor_dataset{images, images}, seed, data::horizontal_flip{},
                          data::random_crop{.padding = 8}, data::random_affine{.degrees = 10},
                          data::color_jitter{0.3, 0.3, 0.3}, data::random_erasing{.area = {0.02, 0.15}, .fill = 0.5});
  const auto in_epoch = [&](std::uint64_t epoch) {
    dataset.set_epoch(epoch);
    return dataset.batch(numbers).x;
  };

  return {{"as it is", images},
          {"horizontal_flip", after(data::horizontal_flip{.p = 1})},
          {"random_crop", after(data::random_crop{.padding = 12})},
          {"random_resized_crop", after(data::random_resized_crop{.area = {0.3, 0.7}})},
          {"random_affine: turned", after(data::random_affine{.degrees = 30})},
          {"random_affine: moved", after(data::random_affine{.translate = 0.2})},
          {"random_erasing", after(data::random_erasing{.p = 1, .fill = 0.5})},
          {"color_jitter", after(data::color_jitter{.brightness = 0.5, .contrast = 0.5, .saturation = 1})},
          {"mixup", mixed.x},
          {"several, epoch 0", in_epoch(0)},
          {"several, epoch 1", in_epoch(1)}};
}

// The columns side by side, with white between the images: (3, height, width).
tensor<std::uint8_t> sheet_of(const std::vector<column>& columns) {
  std::vector<tensor<float>> framed;
  for (const column& c : columns) framed.push_back(pad(c.images, {border, border, border, border}, {.value = 1}));
  const tensor<float> strips = permute(concat(3, framed), {1, 0, 2, 3});  // (3, N, height of a row, width)
  const tensor<float> sheet = strips.reshape({3, strips.dim(1) * strips.dim(2), strips.dim(3)});
  return (clamp(sheet, {.min = 0, .max = 1}) * 255.0f + 0.5f).cast<std::uint8_t>();
}

bool same(const tensor<std::uint8_t>& a, const tensor<std::uint8_t>& b) {
  return a.shape() == b.shape() && std::equal(a.values().begin(), a.values().end(), b.values().begin());
}

}  // namespace

int main(int argc, char** argv) try {
  std::uint64_t seed = 1;
  const std::string_view given = argc > 1 ? argv[1] : "1";
  const char* const end = given.data() + given.size();
  if (const auto [stop, code] = std::from_chars(given.data(), end, seed); code != std::errc{} || stop != end)
    throw value_error("augment", {"expected a seed, a whole number of 0 or more, got ", given});
  const std::string path = argc > 2 ? argv[2] : (std::filesystem::temp_directory_path() / "augmented.png").string();
  const tensor<float> images = argc > 3 ? read_folder(argv[3], seed) : read_digits("data/digits.csv", seed);

  const std::vector<column> columns = augmented(images, seed);
  std::puts("column                 mean change of a value");
  for (const column& c : columns)
    std::printf("%-22s %.3f\n", c.name, static_cast<double>(mean(abs(c.images - images)).item()));
  const tensor<std::uint8_t> sheet = sheet_of(columns);
  data::write_png(sheet, path);
  std::printf("\nwrote %s: %d by %d pixels\n", path.c_str(), static_cast<int>(sheet.dim(2)),
              static_cast<int>(sheet.dim(1)));

  const bool kept = same(data::read_image(path), sheet);
  const tensor<std::uint8_t> file = io::read_file(path);
  data::write_png(sheet_of(augmented(images, seed)), path);
  const bool again = same(io::read_file(path), file), other = !same(sheet_of(augmented(images, seed + 1)), sheet);
  std::printf("read back: %s; made again from the same seed: %s; from the next seed: %s\n", kept ? "identical" : "LOST",
              again ? "the same bytes" : "OTHER BYTES", other ? "another sheet" : "THE SAME SHEET");
  return kept && again && other ? 0 : 1;
} catch (const std::exception& problem) {  // inlay::error, or one of the file system
  std::fprintf(stderr, "augment: %s\n", problem.what());
  return 1;
}
