// cli/options.cpp - the bodies of options.hpp. Never lets CLI11 be seen elsewhere.
#include "options.hpp"

#include <charconv>
#include <limits>
#include <sstream>
#include <system_error>
#include <type_traits>

#include <CLI/CLI.hpp>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>

namespace linnet::cli {

Option& Option::value_name(std::string name) {
  option_->type_name(std::move(name));
  return *this;
}

Option& Option::group(std::string heading) {
  option_->group(std::move(heading));
  return *this;
}

Option& Option::show_default(std::string text) {
  option_->default_str(std::move(text));
  return *this;
}

Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::range(std::int64_t least, std::int64_t greatest) {
  option_->check(CLI::Range(least, greatest));
  return *this;
}

Option& Option::range(double least, double greatest) {
  option_->check(CLI::Range(least, greatest));
  return *this;
}

Option& Option::non_negative() {
  option_->check(CLI::NonNegativeNumber);
  return *this;
}

Option& Option::one_of(std::vector<std::string> values) {
  option_->check(CLI::IsMember(std::move(values)));
  return *this;
}

Option& Option::excludes(std::string name) {
  option_->excludes(std::move(name));
  return *this;
}

Option& Option::needs(std::string name) {
  option_->needs(std::move(name));
  return *this;
}

Option& Option::comma_separated() {
  option_->delimiter(',');
  return *this;
}

bool Option::given() const { return option_->count() > 0; }

Command& Command::add_command(std::string name, std::string about) {
  CLI::App* const app = app_->add_subcommand(std::move(name), std::move(about));
  return commands_.emplace_back(std::shared_ptr<CLI::App>(app_, app));
}

namespace {

/// What is wrong with the text of a number; "" where nothing is. CLI11 takes an empty one for 0, and an
/// integer beyond 64 bits for the nearest one within.
template <class T>
std::string refuse_number(const std::string& text) {
  T value = 0;
  const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  const bool is_number = stop == end && error != std::errc::invalid_argument;
  if constexpr (std::is_floating_point_v<T>)
    return is_number ? "" : concat("expected a number, got ", in_quotes(text));
  if (is_number && error == std::errc()) return "";
  using Limits = std::numeric_limits<T>;
  return concat("expected a whole number from ", Limits::min(), " to ", Limits::max(), ", got ",
                in_quotes(text));
}

template <class T>
CLI::Option* checked(CLI::Option* option) {
  if constexpr (std::is_arithmetic_v<T>) option->check(refuse_number<T>);
  return option;
}

template <class T>
Option add_value(CLI::App& app, std::string& names, T& value, std::string& help) {
  return Option(checked<T>(app.add_option(std::move(names), value, std::move(help))));
}

/// One value each time that the option is given.
Option as_list(CLI::Option* option) { return Option(option->expected(1)->take_all()); }

template <class T>
Option add_list(CLI::App& app, std::string& names, std::vector<T>& values, std::string& help) {
  return as_list(checked<T>(app.add_option(std::move(names), values, std::move(help))));
}

}  // namespace

Option Command::add_option(std::string names, std::string& value, std::string help) {
  return add_value(*app_, names, value, help);
}

Option Command::add_option(std::string names, std::filesystem::path& value, std::string help) {
  return add_value(*app_, names, value, help);
}

Option Command::add_option(std::string names, int& value, std::string help) {
  return add_value(*app_, names, value, help);
}

Option Command::add_option(std::string names, std::int64_t& value, std::string help) {
  return add_value(*app_, names, value, help);
}

Option Command::add_option(std::string names, std::uint64_t& value, std::string help) {
  return add_value(*app_, names, value, help);
}

Option Command::add_option(std::string names, float& value, std::string help) {
  return add_value(*app_, names, value, help);
}

Option Command::add_option(std::string names, double& value, std::string help) {
  return add_value(*app_, names, value, help);
}

Option Command::add_option(std::string names, std::vector<std::string>& values, std::string help) {
  return add_list(*app_, names, values, help);
}

Option Command::add_option(std::string names, std::vector<int>& values, std::string help) {
  return add_list(*app_, names, values, help);
}

Option Command::add_option(std::string names, std::vector<std::int64_t>& values, std::string help) {
  return add_list(*app_, names, values, help);
}

Option Command::add_option(std::string names, std::function<void(const std::string&)> read,
                           std::string help) {
  return Option(app_->add_option_function<std::string>(std::move(names), read, std::move(help)));
}

Option Command::add_option(std::string names, std::function<void(const std::vector<std::string>&)> read,
                           std::string help) {
  using Texts = std::vector<std::string>;
  return as_list(app_->add_option_function<Texts>(std::move(names), read, std::move(help)));
}

Option Command::add_flag(std::string names, bool& value, std::string help) {
  return Option(app_->add_flag(std::move(names), value, std::move(help)));
}

void Command::set_footer(std::string text) { app_->footer(std::move(text)); }

int Command::run() const {
  for (const Command& command : commands_)
    if (command.app_->parsed()) return command.run();
  return action_();
}

Program::Program(std::string name, std::string about, std::string version)
    : Command(std::make_shared<CLI::App>(std::move(about), std::move(name))) {
  app_->set_version_flag("--version", std::move(version));
  app_->set_help_flag("-h,--help", "Print this help and exit");
  app_->require_subcommand(1);
  app_->get_formatter()->column_width(32);
}

std::optional<std::string> Program::parse(int argc, const char* const* argv) {
  const auto refuse = [this](const std::string& why) {
    std::string command = app_->get_name();
    for (auto chosen = app_->get_subcommands(); !chosen.empty(); chosen = chosen[0]->get_subcommands())
      command += " " + chosen[0]->get_name();
    fail(ErrorCode::invalid_argument, why, "; see ", command, " --help");
  };
  const auto is_first_word = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && app_->get_subcommands(is_first_word).empty())
    refuse(
        "there is no command " + in_quotes(argv[1]) +
        (std::string_view(argv[1]) == "convert" ? " in this program: it comes with the Python package" : ""));
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    refuse("not expected: " + in_quotes(app_->remaining(true).front()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) refuse(error.what());
    // Help and version are asked for by exceptions, as errors are.
    std::ostringstream text, unused;
    app_->exit(error, text, unused);
    return text.str();
  } catch (const Error& error) {
    refuse(error.what());  // thrown by a function that reads an option
  }
  return std::nullopt;
}

}  // namespace linnet::cli
