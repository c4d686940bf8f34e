// Everything in room `text`: text as tokens, and tokens from a language model.
#pragma once

#include "text/generate.hpp"
#include "text/tokenizer.hpp"
