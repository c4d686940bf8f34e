// Shows: PNG and JPEG, folders of images (`inlay/image.hpp`)
// Images: what PIL wrote is read, what is written is read back, damaged files and bombs are refused by name, and a
// folder of folders is a dataset of classes.
#include <inlay/image.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include <inlay/data/loader.hpp>

#include "files.hpp"
#include "tensors.hpp"

using namespace inlay;
using namespace std::string_literals;
using list = std::vector<std::int64_t>;

namespace {

std::string unhex(const char* hex) {
  std::string out;
  for (; *hex != '\0'; ++hex)
    if (*hex > ' ') {
      out += static_cast<char>(std::stoi(std::string(hex, 2), nullptr, 16));
      ++hex;
    }
  return out;
}

// golden/data.py: Image.fromarray(rgb).save(out, "PNG"), and as JPEG of quality 90
const std::string png = unhex(R"(
      89504e470d0a1a0a0000000d494844520000000700000005080200000006f8618f0000001b49444154789c636460f82fc7f0060db130187d
      63604047948b020078b022fdb6a46bf10000000049454e44ae426082)");
const std::string jpeg = unhex(R"(
      ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b
      0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d14141414
      14141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc00011080005000703
      011100021101031101ffc40014000100000000000000000000000000000002ffc4001d100001020700000000000000000000000006000102
      0813224153d1ffc40014010100000000000000000000000000000006ffc4001c110000070101000000000000000000000000010506132141
      5107ffda000c03010002110311003f0060f2ca2b4e1b31adba973fdf6a721def40af397ba946579d1fffd9)");

// The image that PIL was given: (3, 5, 7).
tensor<std::uint8_t> original() {
  tensor<std::uint8_t> out({3, 5, 7});
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 7; ++x) {
      out(0, y, x) = static_cast<std::uint8_t>(x * 30);
      out(1, y, x) = static_cast<std::uint8_t>(y * 50);
      out(2, y, x) = static_cast<std::uint8_t>(255 - x * 20 - y * 10);
    }
  return out;
}

int largest_difference(const tensor<std::uint8_t>& a, const tensor<std::uint8_t>& b) {
  int out = a.shape() == b.shape() ? 0 : 1000;
  for (std::size_t i = 0; out < 1000 && i < a.values().size(); ++i)
    out = std::max(out, std::abs(a.values()[i] - b.values()[i]));
  return out;
}

// The message of the error, with the path as "the file".
std::string failure(const std::string& path, const std::string& bytes, const data::read_image_options& options = {}) {
  support::write_bytes(path, bytes);
  try {
    data::read_image(path, options);
    return "";
  } catch (const io_error& e) {
    std::string message = e.what();
    const std::size_t at = message.find(path);
    return at == std::string::npos ? message : message.replace(at, path.size(), "the file");
  }
}

// Folders within a folder, which go with the object.
struct classes_on_disk {
  support::temporary_folder root;
  std::vector<std::string> folders;

  std::string operator/(const std::string& name) { return root / name; }
  void add(const std::string& name) {
    REQUIRE(::mkdir((root / name).c_str(), 0700) == 0);
    folders.push_back(name);
  }
  ~classes_on_disk() {
    for (const std::string& name : folders) {
      DIR* folder = ::opendir((root / name).c_str());
      while (const dirent* entry = ::readdir(folder)) ::unlink((root / name + "/" + entry->d_name).c_str());
      ::closedir(folder);
      ::rmdir((root / name).c_str());
    }
  }
};

}  // namespace

TEST_CASE("read_image: what PIL wrote") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "a.png", png);
  support::write_bytes(folder / "b.jpg", jpeg);
  CHECK(largest_difference(data::read_image(folder / "a.png"), original()) == 0);
  CHECK(largest_difference(data::read_image(folder / "b.jpg"), original()) <= 9);
  const tensor<std::uint8_t> rgba = data::read_image(folder / "a.png", {.channels = 4});
  CHECK(rgba.shape() == shape{4, 5, 7});
  CHECK(support::same_bits(rgba.slice(0, 3), original()));
  CHECK(rgba(3, 4, 6) == 255);
  const tensor<std::uint8_t> gray = data::read_image(folder / "a.png", {.channels = 1});
  CHECK(gray.shape() == shape{1, 5, 7});
  CHECK(std::abs(gray(0, 0, 6) - (0.3 * 180 + 0.59 * 0 + 0.11 * 135)) < 2);
  CHECK_THROWS_WITH_AS(data::read_image(folder / "a.png", {.channels = 5}),
                       "[read_image] expected .channels of 0 to 4, got 5", value_error);
  CHECK_THROWS_AS(data::read_image(folder / "missing"), io_error);
}

TEST_CASE("write_png: comes back as it was") {
  const support::temporary_folder folder;
  for (const shape& sizes : {shape{1, 1, 1}, shape{2, 3, 4}, shape{3, 64, 33}, shape{4, 5, 200}}) {
    INFO(sizes.text());
    tensor<std::uint8_t> image = empty<std::uint8_t>(sizes);
    image.write([](std::span<std::uint8_t> to) {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::uint8_t>(support::noise(i));
    });
    data::write_png(image, folder / "a.png");
    CHECK(support::same_bits(data::read_image(folder / "a.png"), image));
  }
  CHECK(folder.names() == std::vector<std::string>{"a.png"});
  for (const shape& sizes : {shape{3, 4}, shape{5, 2, 2}, shape{3, 0, 2}, shape{0, 2, 2}})
    CHECK_THROWS_AS(data::write_png(tensor<std::uint8_t>(sizes), folder / "b.png"), shape_error);
  CHECK_THROWS_AS(data::write_png(original(), folder / "missing/a.png"), io_error);
}

TEST_CASE("read_image: damaged files and bombs") {
  const support::temporary_folder folder;
  const std::string path = folder / "a";
  const std::string end = " in the file; is it complete?";
  CHECK(failure(path, "") == "[read_image] expected a PNG or JPEG image, got \"unknown image type\"" + end);
  CHECK(failure(path, "GIF89a") == "[read_image] expected a PNG or JPEG image, got \"unknown image type\"" + end);
  CHECK(
      failure(path, png, {.limit = 104}) ==
      "[read_image] expected at most 104 bytes of pixels, got 105 in the file; raise read_image_options::limit if the "
      "file is to be trusted");
  CHECK(failure(path, png, {.limit = 83}).starts_with("[read_image] expected at most 83 bytes of the file, got 84 in"));
  std::string huge = png;
  huge[17] = 2;  // 131079 by 5 pixels
  CHECK(failure(path, huge, {.limit = 1 << 20})
            .starts_with("[read_image] expected at most 1048576 bytes of pixels, got 1966185 in"));
  huge[21] = 2;  // by 131077
  CHECK(failure(path, huge) == "[read_image] expected a PNG or JPEG image, got \"unknown image type\"" + end);
  for (std::size_t length = 0; length < png.size() - 12; ++length) {
    INFO(length);
    CHECK(failure(path, png.substr(0, length)).starts_with("[read_image] expected "));
  }
  // Flipped or cut anywhere: an error or another image, nothing else.
  int seen = 0;
  for (const std::string& whole : {png, jpeg})
    for (std::size_t i = 0; i < whole.size(); ++i) {
      failure(path, whole.substr(0, i), {.limit = 1 << 20});
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = whole;
        flipped[i] = static_cast<char>(flipped[i] ^ 1 << bit);
        const std::string message = failure(path, flipped, {.limit = 1 << 20});
        seen += message.empty() || message.starts_with("[read_image] expected ");
      }
    }
  CHECK(seen == static_cast<int>(8 * (png.size() + jpeg.size())));
}

TEST_CASE("image_folder: folders are classes, in alphabetical order") {
  classes_on_disk disk;
  for (const char* name : {"oak", "ash", ".hidden"}) disk.add(name);
  support::write_bytes(disk / "oak/2.PNG", png);
  support::write_bytes(disk / "oak/1.jpeg", jpeg);
  support::write_bytes(disk / "oak/notes.txt", "no image");
  support::write_bytes(disk / "ash/x.png", png);
  support::write_bytes(disk / "list.csv", "no class");
  const data::image_folder<> all(disk.root.path(), {.height = 5, .width = 7});
  CHECK(all.size() == 3);
  CHECK(all.names() == std::vector<std::string>{"ash", "oak"});
  CHECK(all.classes() == list{0, 1, 1});
  CHECK(all.paths() == std::vector<std::string>{disk / "ash/x.png", disk / "oak/1.jpeg", disk / "oak/2.PNG"});
  const auto batch = all.batch(list{2, 0});
  CHECK(batch.x.shape() == shape{2, 3, 5, 7});
  CHECK(support::same_bits(batch.y, from<std::int64_t>({2}, {1, 0})));
  for (std::size_t i = 0; i < 105; ++i)
    CHECK(batch.x.values()[i] == doctest::Approx(static_cast<float>(original().values()[i]) / 255));

  const data::image_folder<std::uint8_t> bytes(disk.root.path(), {.height = 5, .width = 7});
  CHECK(support::same_bits(bytes.batch(list{0}).x.reshape(shape{3, 5, 7}), original()));
  const data::image_folder<double> small(disk.root.path(), {.height = 2, .width = 3, .channels = 1});
  CHECK(small.batch(list{0, 1, 2}).x.shape() == shape{3, 1, 2, 3});

  const auto run = [&](int workers) {
    data::loader batches(all, {.batch_size = 2, .workers = workers});
    std::vector<float> out;
    for (const auto& b : batches) out.insert(out.end(), b.x.values().begin(), b.x.values().end());
    return out;
  };
  CHECK(run(2) == run(0));

  CHECK_THROWS_WITH_AS(all.batch(list{3}), "[image_folder] expected rows from 0 to 2, got 3", value_error);
  support::write_bytes(disk / "ash/x.png", "broken");
  CHECK_THROWS_WITH_AS(all.batch(list{0}),
                       ("[read_image] expected a PNG or JPEG image, got \"unknown image type\" in " +
                        disk / "ash/x.png" + "; is it complete?")
                           .c_str(),
                       io_error);
  CHECK_THROWS_AS(data::image_folder<>(disk.root.path(), {}), value_error);
  disk.add("zelkova");
  CHECK_THROWS_WITH_AS(
      data::image_folder<>(disk.root.path(), {.height = 1, .width = 1}),
      ("[image_folder] expected images named .png, .jpg or .jpeg in " + disk / "zelkova" + ", got none").c_str(),
      io_error);
  const support::temporary_folder empty;
  CHECK_THROWS_WITH_AS(data::image_folder<>(empty.path(), {.height = 1, .width = 1}),
                       ("[image_folder] expected a folder for each class in " + empty.path() + ", got none").c_str(),
                       io_error);
  CHECK_THROWS_AS(data::image_folder<>(empty / "missing", {.height = 1, .width = 1}), io_error);
}
