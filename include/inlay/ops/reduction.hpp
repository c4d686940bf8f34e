// How the losses of a batch become one number; none keeps one per element or row.
#pragma once

namespace inlay::inline v0_1 {

enum class reduction { mean, sum, none };

}  // namespace inlay::inline v0_1
