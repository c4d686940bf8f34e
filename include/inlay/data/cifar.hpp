// CIFAR-10 and CIFAR-100 in their binary form: records of one label (CIFAR-100: the coarse one and the fine one) and
// the 3 x 32 x 32 bytes of an image. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
#pragma once

#include <vector>

#include "dataset.hpp"
#include "idx.hpp"

namespace inlay::inline v0_1::data {

// x (N, 3, 32, 32): red, green and blue from 0 to 255; y (N,).
using image_dataset = tensor_dataset<std::uint8_t, std::int64_t>;

struct cifar10_options {
  bool train = true;  // the five files to train on; otherwise the one to test on
};
struct cifar100_options {
  bool train = true;
  bool coarse = false;  // the 20 groups of classes instead of the 100 classes
};

namespace detail {

// Records of `labels` bytes, of which number `wanted` is below `classes`, and an image. Every file is checked before
// anything is allocated for it.
template <class = void>  // compiled only where it is used
INLAY_COLD image_dataset read_cifar(const std::vector<std::string>& paths, std::size_t labels, std::size_t wanted,
                                    int classes) {
  constexpr std::size_t image = 3 * 32 * 32;
  const std::size_t record = labels + image;
  std::vector<io::detail::opened> files;
  std::size_t count = 0;
  for (const std::string& path : paths) {
    files.push_back(io::detail::open_regular(path));
    const std::size_t size = files.back().size;
    if (size == 0 || size % record != 0)
      throw io_error("read_cifar", {"expected records of ", record, " bytes, got ", size, " bytes in ", path,
                                    "; is it the binary version, and complete?"});
    count += size / record;
  }

  const auto rows = static_cast<std::int64_t>(count);
  tensor<std::uint8_t> x = empty<std::uint8_t>({rows, 3, 32, 32});
  tensor<std::int64_t> y = empty<std::int64_t>({rows});
  std::uint8_t* to = inlay::detail::writable(x);
  std::int64_t* label = inlay::detail::writable(y);
  std::uint8_t bytes[2 + image];
  for (std::size_t i = 0; i < files.size(); ++i)
    for (std::size_t at = 0; at < files[i].size; at += record) {
      if (read_at(files[i], paths[i], at, {bytes, record}) < record)
        throw io_error("read_cifar", {"expected the rest of ", paths[i], ", got its end; was it truncated meanwhile?"});
      if (bytes[wanted] >= classes)
        throw io_error("read_cifar", {"expected classes from 0 to ", classes - 1, ", got ", bytes[wanted],
                                      " in record ", at / record, " of ", paths[i]});
      *label++ = bytes[wanted];
      to = std::copy_n(bytes + labels, image, to);
    }
  return {std::move(x), std::move(y)};
}

}  // namespace detail

// Files of CIFAR-10, one after another. Throws io_error, which names the file and what is wrong in it.
template <class = void>  // compiled only where it is used
INLAY_COLD image_dataset read_cifar10_files(const std::vector<std::string>& paths) {
  return detail::read_cifar(paths, 1, 0, 10);
}

// The files data_batch_1.bin to data_batch_5.bin of a folder, or its test_batch.bin. Throws io_error.
template <class = void>  // compiled only where it is used
INLAY_COLD image_dataset read_cifar10(const std::string& folder, const cifar10_options& options = {}) {
  if (!options.train) return read_cifar10_files({folder + "/test_batch.bin"});
  std::vector<std::string> paths;
  for (const char* number : {"1", "2", "3", "4", "5"}) paths.push_back(folder + "/data_batch_" + number + ".bin");
  return read_cifar10_files(paths);
}

// The file train.bin or test.bin of a folder. Throws io_error.
template <class = void>  // compiled only where it is used
INLAY_COLD image_dataset read_cifar100(const std::string& folder, const cifar100_options& options = {}) {
  return detail::read_cifar({folder + (options.train ? "/train.bin" : "/test.bin")}, 2, options.coarse ? 0 : 1,
                            options.coarse ? 20 : 100);
}

}  // namespace inlay::inline v0_1::data
