// jinja_test.cpp - the template engine: a table of what Python's Jinja2 does, values, and limits.
#include <chrono>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <linnet/text/chat_template.hpp>
#include <linnet/text/jinja/parser.hpp>

namespace linnet::jinja_test {
namespace {

using Json = nlohmann::ordered_json;

/// The time that strftime_now tells in the table.
std::tm table_time() {
  std::tm time{};
  time.tm_year = 2024 - 1900, time.tm_mon = 6, time.tm_mday = 6, time.tm_wday = 6, time.tm_yday = 187;
  time.tm_hour = 15, time.tm_min = 4, time.tm_sec = 5;
  return time;
}

std::string render(const std::string& source, const Json& variables = Json::object()) {
  jinja::Variables values;
  for (const auto& [name, value] : variables.items()) values.emplace(name, jinja::parse_json(value.dump()));
  return jinja::Interpreter(values, table_time()).render(jinja::parse_template(source));
}

/// The text of the error, or "" where there is none.
std::string error_of(const std::string& source) {
  try {
    render(source);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// jinja_oracle.py made the expected outputs with Jinja2 3.1; the comparison needs no Python.
TEST(Jinja, RendersTheTableAsPythonDoes) {
  std::ifstream in(LINNET_SOURCE_DIR "/tests/text/jinja_cases.json");
  const Json cases = Json::parse(in);
  ASSERT_GT(cases.size(), 600u);
  for (const Json& row : cases) {
    const std::string source = row["template"];
    const Json variables = row.contains("variables") ? row["variables"] : Json::object();
    try {
      const std::string output = render(source, variables);
      if (row.contains("error"))
        ADD_FAILURE() << source << "\n  gave " << output << "\n  expected " << row["error"];
      else
        EXPECT_EQ(output, row["expected"].get<std::string>()) << source;
    } catch (const Error& error) {
      EXPECT_TRUE(row.contains("error")) << source << "\n  " << error.what();
    }
  }
}

TEST(Jinja, ErrorsSayWhereAndWhat) {
  EXPECT_EQ(error_of("a\n{% if x %}\nb"),
            "chat template, line 3: expected {% endif %}, found the end of the template");
  EXPECT_EQ(error_of("\n\n{{ 1 + }}"), "chat template, line 3: expected an expression, found \"}}\"");
  EXPECT_EQ(
      error_of("{% include 'x' %}"),
      "chat template, line 1: expected one of the statements if, for, set, macro, call, filter, with, break, "
      "continue, raw, generation, found \"include\"");
  EXPECT_EQ(error_of("a\n{{ x.y }}"), "chat template, line 2: x is undefined");
  EXPECT_EQ(error_of("{{ {'a': 1}.b.c }}"), "chat template, line 1: dict attribute b is undefined");
  EXPECT_EQ(error_of("{{ 1 | nosuch }}"),
            "chat template, line 1: expected a filter that linnet has, got \"nosuch\"");
  EXPECT_EQ(error_of("{{ raise_exception('only pairs') }}"), "chat template: only pairs");
  EXPECT_EQ(error_of("{% for x in y recursive %}{% endfor %}"),
            "chat template, line 1: expected \"%}\" (linnet has no recursive loops), found \"recursive\"");
  EXPECT_EQ(error_of("{{ 9223372036854775807 + 1 }}"),
            "chat template, line 1: expected integers of 64 bits, a result is larger");
}

TEST(Jinja, NothingChangesBehindAName) {
  for (const char* source :
       {"{{ [1].append(2) }}", "{{ {}.update(a=1) }}", "{{ {}.pop('a') }}", "{{ ''.__class__.x }}",
        "{{ ''.format.__globals__ }}", "{{ range.__init__ }}{{ range.__init__.x }}",
        "{{ namespace(a=range) }}", "{{ [range] }}", "{% set n = namespace() %}{% set n.n = n %}",
        "{% set n = namespace() %}{% set n.n = [n] %}", "{% set n = namespace() %}{% set n.n = {'a': [n]} %}",
        "{% set n = namespace() %}{% set n.n = [range] %}", "{{ namespace(a=[range]) }}",
        "{% for x in [1] %}{{ loop.changed([loop]) }}{% endfor %}", "{{ {range: 1} }}",
        "{% for x in [1] %}{{ [loop] }}{% endfor %}", "{{ 'a'.join }}"})
    EXPECT_NE(error_of(source), "") << source;
  EXPECT_EQ(
      error_of("{% set n = namespace() %}{% set n.n = [range] %}"),
      "chat template, line 1: expected data for a namespace, got a list that holds a function, namespace "
      "or loop");
}

// Each would run for ages, or take all memory or stack, were it not stopped.
class JinjaLimits : public testing::TestWithParam<const char*> {};

TEST_P(JinjaLimits, EndWithAnErrorInBoundedTime) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_NE(error_of(GetParam()), "");
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(time.count(), 10);  // they take less than a second where nothing else runs
#else
  EXPECT_LT(time.count(), 60);  // an unoptimised or sanitized build
#endif
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, JinjaLimits,
    testing::Values(
        "{{ range(10**9) }}", "{{ range(-9223372036854775807, 9223372036854775807) }}",
        "{% for i in range(10**9) %}{% endfor %}",
        "{% for i in range(1000) %}{% for j in range(1000) %}{% for k in range(1000) %}x{% endfor %}{% "
        "endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{{ f(n) ~ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% macro f() %}{{ caller() }}{% call f() %}{% endcall %}{% endmacro %}{% call f() %}{% endcall %}",
        "{{ 'x' * 10**9 }}", "{{ [1] * 10**9 }}", "{{ 'x' * 9223372036854775807 }}", "{{ 10**10**10 }}",
        "{{ 2**100000 }}",
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor "
        "%}{{ n.s }}",
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(99) %}{% set n.l = n.l + n.l %}{% endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(999) %}{% set n.l = [n.l] %}{% endfor %}",
        "{% set n = namespace(l={}) %}{% for i in range(999) %}{% set n.l = {'a': n.l} %}{% endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l "
        "}}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l "
        "| tojson }}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l "
        "== n.l + [] }}",
        "{% set s = 'a' * 1000000 %}{{ s.replace('a', s) }}",
        "{% set s = 'a' * 1000000 %}{{ s | replace('', s) }}",
        "{% set s = 'a' * 1000000 %}{{ s | list | join(s) }}", "{% set s = 'a' * 1000000 %}{{ s.join(s) }}",
        "{% set s = 'a' * 9000000 %}{% for i in range(9999) %}{{ 'b' in s }}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% for i in range(9999) %}{% set t = s | upper %}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% for i in range(9999) %}{% set t = s[i] %}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% for i in range(9999) %}{% if s == s ~ '' %}{% endif %}{% endfor %}",
        "{% set s = 'a\n' * 900000 %}{% for i in range(9999) %}{% set t = s | indent %}{% endfor %}",
        "{% set s = 'a ' * 900000 %}{% for i in range(9999) %}{% set t = s.split() %}{% endfor %}",
        "{% set s = '\\x01' * 9000000 %}{% for i in range(9999) %}{% set t = [s] | string %}{% endfor %}",
        "{% set s = '\\x01' * 9000000 %}{% for i in range(9999) %}{% set t = s | tojson %}{% endfor %}",
        "{{ [1, 2] | tojson(indent=10**9) }}", "{{ 'a\nb' | indent(10**9) }}",
        "{{ [1] | batch(10**9, 'x') }}",
        "{% for i in range(99999) %}{{ range(99999) | sort | list | length }}{% endfor %}",
        "{% for i in range(999) %}{{ range(9999) | unique | list }}{% endfor %}",
        "{{ 'x' | map('map', 'map', 'map') }}", "{{ ['a'] | map('select', 'in', 5) | list }}"));

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Jinja, DeepNestingIsAnError) {
  constexpr int deep = 100'000;
  for (const auto& [open, close] :
       std::initializer_list<std::pair<const char*, const char*>>{{"(", ")"},
                                                                  {"[", "]"},
                                                                  {"-", ""},
                                                                  {"not ", ""},
                                                                  {"{1:", "}"},
                                                                  {"f(", ")"},
                                                                  {"x[", "]"},
                                                                  {"a if b else ", ""},
                                                                  {"x|d(", ")"},
                                                                  {"x is eq(", ")"},
                                                                  {"+", ""}}) {
    EXPECT_NE(error_of("{{ " + repeat(open, deep) + "1" + repeat(close, deep) + " }}"), "") << open;
    EXPECT_NE(error_of("{{ " + repeat(open, deep)), "") << open;
  }
  EXPECT_NE(error_of(repeat("{% if 1 %}", deep) + repeat("{% endif %}", deep)), "");
  EXPECT_NE(error_of(repeat("{% for x in y %}", deep)), "");
  EXPECT_NE(error_of("{% for " + repeat("(", deep) + "x"), "");
  EXPECT_NE(error_of(repeat("{{ (", deep)), "");
  EXPECT_EQ(render("{{ " + repeat("(", 20) + "1" + repeat(")", 20) + " }}"), "1");
  // A method holds its list, a macro the names around it: lists of either must not grow into a chain.
  EXPECT_NE(error_of("{% set l = [1] %}" + repeat("{% set l = [l.count] %}", 10'000)), "");
  EXPECT_EQ(render("{% with l = [1] %}" + repeat("{% macro f() %}{% endmacro %}{% set l = [f] %}", 10'000) +
                   "{{ l | length }}{% endwith %}"),
            "1");
}

TEST(Jinja, LongChainsAreNotNesting) {
  constexpr int many = 10'000;
  EXPECT_EQ(render("{{ 0" + repeat(" + 1", many) + " }}"), "10000");
  EXPECT_EQ(render("{{ 'a'" + repeat(" ~ 'a'", 100) + " }}").size(), 101u);
  EXPECT_EQ(render("{{ 1" + repeat(" and 1", many) + " }}"), "1");
  EXPECT_EQ(render("{{ 1" + repeat(" <= 1", many) + " }}"), "True");
  EXPECT_EQ(render("{{ 'a'" + repeat("|trim", many) + " }}"), "a");
  EXPECT_EQ(render("{{ 'a'" + repeat(".strip()", many) + " }}"), "a");
  EXPECT_EQ(render("{% if 0 %}" + repeat("{% elif 0 %}", many) + "{% else %}b{% endif %}"), "b");
  EXPECT_EQ(render(repeat("{% macro f() %}{{ g }}{% endmacro %}", many) + "{% set g = 1 %}{{ f() }}"), "1");
  EXPECT_NE(error_of(std::string(jinja::max_source + 1, 'x')), "");
}

TEST(Jinja, InvalidUtf8PassesThrough) {
  const std::string bytes = "\xff\xc3(\xe2\x82";
  EXPECT_EQ(render(bytes), bytes);
  EXPECT_EQ(render("{{ '" + bytes + "' | upper | lower }}{{ '" + bytes + "' | length }}"), bytes + "5");
  EXPECT_EQ(render("{{ '" + bytes + "'[::-1] | length }}{{ 'a\xff '.strip() }}"), "5a\xff");
}

TEST(JinjaJson, ReadsAndWrites) {
  const auto round_trip = [](const char* text) {
    jinja::Budget budget;
    return jinja::to_json(budget, jinja::parse_json(text), {});
  };
  EXPECT_EQ(
      round_trip(R"( {"b": [1, -2.5, 1e3, true, false, null], "a": {}, "b2": "\u00e9\ud83d\ude00\n\/"} )"),
      "{\"b\": [1, -2.5, 1000.0, true, false, null], \"a\": {}, \"b2\": \"é😀\\n/\"}");
  EXPECT_EQ(round_trip("12345678901234567890"), "1.2345678901234567e+19");
  EXPECT_EQ(round_trip(R"({"a": 1, "b": 2, "a": 3})"), R"({"a": 3, "b": 2})");
  EXPECT_EQ(round_trip("\"\\ud83d\""), "\"\xef\xbf\xbd\"");
}

TEST(JinjaJson, RefusesWhatIsNone) {
  for (const std::string text :
       {"",   "{",       "[1,]",      "[1 2]",    "{\"a\"}", "{a: 1}", "nul", "01x",      "1.",  "-", "+1",
        "\"", "\"\\x\"", "\"\\u12\"", "\"a\nb\"", "1 2",     "[",      "]",   "{\"a\":}", "--1", "1e"})
    EXPECT_THROW(jinja::parse_json(text), Error) << text;
  EXPECT_THROW(jinja::parse_json(repeat("[", 1'000'000)), Error);
  EXPECT_THROW(jinja::parse_json(repeat("{\"a\":", 1'000'000)), Error);
}

}  // namespace
}  // namespace linnet::jinja_test
