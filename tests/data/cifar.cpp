// Shows: CIFAR
// CIFAR files, made up here: every byte in its place, and files of another kind refused by name.
#include <inlay/data/cifar.hpp>

#include <doctest/doctest.h>

#include <string>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

std::string record(const std::string& labels, std::uint64_t seed) {
  std::string out = labels;
  for (std::uint64_t i = 0; i < 3072; ++i) out += static_cast<char>(support::noise(seed * 10000 + i));
  return out;
}

std::string image_of(const data::image_dataset& all, std::int64_t row) {
  const auto values = all.x().values().subspan(static_cast<std::size_t>(row) * 3072, 3072);
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("read_cifar10: five files to train, one to test") {
  const support::temporary_folder folder;
  for (int i = 1; i <= 5; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    support::write_bytes(folder / ("data_batch_" + std::to_string(i) + ".bin"),
                         record(std::string(1, static_cast<char>(i)), seed) + record("\x09", seed + 10));
  }
  support::write_bytes(folder / "test_batch.bin", record(std::string(1, '\0'), 77));
  const data::image_dataset train = data::read_cifar10(folder.path());
  CHECK(train.x().shape() == shape{10, 3, 32, 32});
  CHECK(train.y().shape() == shape{10});
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto seed = static_cast<std::uint64_t>(i + 1);
    CHECK(train.y()(2 * i) == i + 1);
    CHECK(train.y()(2 * i + 1) == 9);
    CHECK(image_of(train, 2 * i) == record("", seed));
    CHECK(image_of(train, 2 * i + 1) == record("", seed + 10));
  }
  const data::image_dataset test = data::read_cifar10(folder.path(), {.train = false});
  CHECK(test.size() == 1);
  CHECK(image_of(test, 0) == record("", 77));
  CHECK(data::read_cifar10_files({folder / "test_batch.bin", folder / "data_batch_2.bin"}).y()(1) == 2);
}

TEST_CASE("read_cifar100: fine and coarse classes") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "train.bin", record("\x13\x63", 1) + record("\x01\x02", 2));
  support::write_bytes(folder / "test.bin", record("\x05\x06", 3));
  const data::image_dataset fine = data::read_cifar100(folder.path());
  CHECK(fine.y()(0) == 99);
  CHECK(fine.y()(1) == 2);
  CHECK(image_of(fine, 1) == record("", 2));
  CHECK(data::read_cifar100(folder.path(), {.coarse = true}).y()(0) == 19);
  CHECK(data::read_cifar100(folder.path(), {.train = false}).y()(0) == 6);
}

TEST_CASE("cifar: damaged files") {
  const support::temporary_folder folder;
  const std::string path = folder / "test_batch.bin";
  const auto refused = [&](const std::string& bytes, const std::string& message) {
    support::write_bytes(path, bytes);
    memory::trim();
    const std::uint64_t before = memory::stats().allocations;
    CHECK_THROWS_WITH_AS(data::read_cifar10(folder.path(), {.train = false}),
                         ("[read_cifar] expected " + message).c_str(), io_error);
    CHECK(memory::stats().allocations - before <= 2);  // for files of the right size
  };
  const std::string end = " in " + path + "; is it the binary version, and complete?";
  refused("", "records of 3073 bytes, got 0 bytes" + end);
  refused("x", "records of 3073 bytes, got 1 bytes" + end);
  refused(record("\x01", 1).substr(1), "records of 3073 bytes, got 3072 bytes" + end);
  refused(record("\x01", 1) + "x", "records of 3073 bytes, got 3074 bytes" + end);
  refused(record("\x01", 1) + record("\x0A", 1), "classes from 0 to 9, got 10 in record 1 of " + path);
  CHECK_THROWS_AS(data::read_cifar10(folder.path()), io_error);
  CHECK_THROWS_AS(data::read_cifar100(folder.path()), io_error);
}
