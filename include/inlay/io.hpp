// Room `io`: files, the safetensors format, models to and from files.
#pragma once

#include "io/file.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_header.hpp"
#include "io/save.hpp"
