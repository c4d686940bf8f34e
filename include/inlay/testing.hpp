// Room `testing`: checks for your own layers and functions. Bring your own test framework: a report is text and a bool.
#pragma once

#include "testing/check_gradient.hpp"
#include "testing/check_layer.hpp"
#include "testing/report.hpp"
