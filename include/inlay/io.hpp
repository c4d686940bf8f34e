// Room `io`: files, the formats safetensors, npy and npz, models to and from files.
#pragma once

#include "io/bundle.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "io/npy.hpp"
#include "io/npz.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_header.hpp"
#include "io/save.hpp"
#include "io/scanner.hpp"
#include "io/shards.hpp"
