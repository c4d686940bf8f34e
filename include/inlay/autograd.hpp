// Room `autograd`: weights, variables, the tape, and how an operation is applied to them.
#pragma once

#include "autograd/apply.hpp"
#include "autograd/cell.hpp"
#include "autograd/checkpoint.hpp"
#include "autograd/distribution.hpp"
#include "autograd/members.hpp"
#include "autograd/node.hpp"
#include "autograd/parameter.hpp"
#include "autograd/sparse_rows.hpp"
#include "autograd/tape.hpp"
#include "autograd/trace.hpp"
#include "autograd/variable.hpp"
