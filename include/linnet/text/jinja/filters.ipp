// text/jinja/filters.ipp - the table of filters. Never the work, which is in the two headers.
#pragma once

#include <linnet/text/jinja/builtin.hpp>
#include <linnet/text/jinja/list_filters.hpp>
#include <linnet/text/jinja/text_filters.hpp>

namespace linnet::jinja {

LINNET_INLINE std::span<const Builtin<Value>> filters() {
  static const Builtin<Value> rows[] = {
      {"abs", "", detail::filter_abs},
      {"batch", "linecount! fill_with", detail::filter_batch},
      {"capitalize", "", detail::filter_text<detail::to_capital>},
      {"count", "", detail::filter_length},
      {"d", "default_value boolean", detail::filter_default},
      {"default", "default_value boolean", detail::filter_default},
      {"dictsort", "case_sensitive by reverse", detail::filter_dictsort},
      {"e", "", detail::filter_escape},
      {"escape", "", detail::filter_escape},
      {"first", "", detail::filter_first},
      {"float", "default", detail::filter_float},
      {"format", "*", detail::filter_format},
      {"indent", "width first blank", detail::filter_indent},
      {"int", "default base", detail::filter_int},
      {"items", "", detail::filter_items},
      {"join", "d attribute", detail::filter_join},
      {"last", "", detail::filter_last},
      {"length", "", detail::filter_length},
      {"list", "", detail::filter_list},
      {"lower", "", detail::filter_text<detail::to_lower>},
      {"map", "*", detail::filter_map},
      {"max", "case_sensitive attribute", detail::filter_extreme<true>},
      {"min", "case_sensitive attribute", detail::filter_extreme<false>},
      {"reject", "*", detail::filter_select<false, false>},
      {"rejectattr", "*", detail::filter_select<true, false>},
      {"replace", "old! new! count", detail::filter_replace},
      {"reverse", "", detail::filter_reverse},
      {"round", "precision method", detail::filter_round},
      {"safe", "", detail::filter_text<detail::unchanged>},
      {"select", "*", detail::filter_select<false, true>},
      {"selectattr", "*", detail::filter_select<true, true>},
      {"sort", "reverse case_sensitive attribute", detail::filter_sort},
      {"string", "", detail::filter_text<detail::unchanged>},
      {"sum", "attribute start", detail::filter_sum},
      {"title", "", detail::filter_text<detail::title_words>},
      {"tojson", "ensure_ascii indent separators sort_keys", detail::filter_tojson},
      {"trim", "chars", detail::filter_trim},
      {"unique", "case_sensitive attribute", detail::filter_unique},
      {"upper", "", detail::filter_text<detail::to_upper>},
      {"wordcount", "", detail::filter_wordcount},
  };
  return rows;
}

LINNET_INLINE Value Interpreter::apply_filter(std::string_view name, const Value& value,
                                              Arguments& arguments) {
  const auto* const filter = find_builtin(filters(), name);
  if (!filter) budget_.fail("expected a filter that linnet has, got \"", name, "\"");
  const auto level = budget_.nest();  // map may name itself
  return filter->call(*this, value, Bound(budget_, name, filter->parameters, arguments));
}

}  // namespace linnet::jinja
