// Rows of language models.
#pragma once

#include <string>

#include "peers/onnxruntime.hpp"
#include "rounds.hpp"

namespace bench {

void language_rows(race&, const onnx_folder&);

// For peers/onnx_models.py.
void write_language_weights(const std::string& folder);

}  // namespace bench
