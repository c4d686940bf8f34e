// Everything in room `text`: text as tokens, tokens from a language model, labels from a net's steps.
#pragma once

#include "text/bpe.hpp"
#include "text/bpe_files.hpp"
#include "text/bpe_merges.hpp"
#include "text/bpe_trainer.hpp"
#include "text/collate.hpp"
#include "text/corpus.hpp"
#include "text/ctc_decode.hpp"
#include "text/generate.hpp"
#include "text/mask_tokens.hpp"
#include "text/pretokens.hpp"
#include "text/score.hpp"
#include "text/token_file.hpp"
#include "text/tokenizer.hpp"
#include "text/unicode.hpp"
