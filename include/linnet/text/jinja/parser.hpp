// text/jinja/parser.hpp - builds a template's tree out of its source. Never evaluates.
#pragma once

#include <string_view>

#include <linnet/base/config.hpp>
#include <linnet/text/jinja/ast.hpp>

namespace linnet::jinja {

/// The longest template that is read, in bytes: some twenty times the longest that models have.
inline constexpr std::size_t max_source = std::size_t{1} << 20;

/// The statements of a template.
/// @throws Error(bad_model) with the line and what was expected; also for nesting deeper than max_depth, and
/// for statements that name other templates (include, extends, import, block), which there are none of.
Block parse_template(std::string_view source);

}  // namespace linnet::jinja

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/jinja/parser.ipp>
#endif
