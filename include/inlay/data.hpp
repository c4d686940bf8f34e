// Room `data`: datasets, batches, tables.
#pragma once

#include "data/csv.hpp"
#include "data/dataset.hpp"
#include "data/idx.hpp"
#include "data/loader.hpp"
