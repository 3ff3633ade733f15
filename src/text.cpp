// text.cpp - compiles the bodies of the text layer.
#include <linnet/text/byte_level_bpe.ipp>
#include <linnet/text/chat_template.ipp>
#include <linnet/text/pre_tokenizer.ipp>
#include <linnet/text/sentence_piece.ipp>
#include <linnet/text/special_tokens.ipp>
#include <linnet/text/stream_detokenizer.ipp>
#include <linnet/text/tokenizer.ipp>
#include <linnet/text/unicode.ipp>
#include <linnet/text/utf8.ipp>
#include <linnet/text/vocabulary.ipp>
