// cli/options.cpp - the bodies of options.hpp. Never lets CLI11 be seen elsewhere.
#include "options.hpp"

#include <charconv>
#include <limits>
#include <sstream>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <CLI/CLI.hpp>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>

#include "suggestion.hpp"

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

namespace {

/// Refuses a number outside. CLI11's own check writes a limit of a double with all its 309 digits.
template <class T>
CLI::Validator within(T least, T greatest, const std::string& expected, const std::string& description) {
  const auto check = [least, greatest, expected](const std::string& text) {
    T value = 0;
    const bool good = CLI::detail::lexical_cast(text, value) && value >= least && value <= greatest;
    return good ? "" : concat("expected ", expected, ", got ", in_quotes(text));
  };
  return CLI::Validator(check, description, "");
}

template <class T>
CLI::Validator within(T least, T greatest, const char* type) {
  return within(least, greatest, concat(least, " to ", greatest),
                concat(type, " in [", least, " - ", greatest, "]"));
}

}  // namespace

Option& Option::range(std::int64_t least, std::int64_t greatest) {
  option_->check(within(least, greatest, "INT"));
  return *this;
}

Option& Option::range(double least, double greatest) {
  option_->check(within(least, greatest, "FLOAT"));
  return *this;
}

Option& Option::non_negative() {
  option_->check(within(0.0, std::numeric_limits<double>::max(), "0 or more", "NONNEGATIVE"));
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

namespace {

/// The command that the words chose so far, the last of a chain of them.
const CLI::App& chosen_command(const CLI::App& program) {
  const auto below = program.get_subcommands();
  return below.empty() ? program : chosen_command(*below[0]);
}

/// "linnet bench kernels".
std::string full_name(const CLI::App& program, const CLI::App& command) {
  return &program == &command ? program.get_name()
                              : full_name(program, *command.get_parent()) + " " + command.get_name();
}

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names;
  const auto every = [](const CLI::App*) { return true; };
  for (const CLI::App* command : program.get_subcommands(every)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string meant = nearest_word(word, candidates);
  return meant.empty() ? "" : concat(" (did you mean ", meant, "?)");
}

std::string refuse_command(const CLI::App& program, const std::string& name) {
  const std::string why = "there is no command " + in_quotes(name);
  if (name == "convert") return why + " in this program: it comes with the Python package";
  return why + did_you_mean(name, command_names(program));
}

/// What is wrong with a word that is neither a command, an option of the command, nor a value of one.
std::string refuse_word(const CLI::App& command, const std::string& word) {
  const std::string why = "not expected: " + in_quotes(word);
  if (!word.starts_with("--")) return why;
  return why + did_you_mean(std::string_view(word).substr(0, word.find('=')), option_names(command));
}

/// What is wrong where something is missing. Often it is there, and not where it is expected.
std::string refuse_absence(const CLI::App& program, const CLI::App& command, const char* why) {
  const std::vector<std::string> rest = program.remaining(true);
  if (&program == &command)
    return rest.empty() ? "a command is missing, such as run" : refuse_word(command, rest.front());
  return rest.empty() ? why : concat(why, "; ", refuse_word(command, rest.front()));
}

/// What is wrong with an option that has too many values or none; `why` is "--model: 1 required FILE
/// missing".
std::string refuse_count(const CLI::App& command, const std::string& why) {
  for (const CLI::Option* option : command.get_options())
    if (option->get_expected_max() == 1 && option->count() > 1)
      return concat(option->get_name(), ": given ", option->count(), " times; give it once");
  return why.ends_with(" missing") ? why.substr(0, why.find(':')) + ": its value is missing" : why;
}

}  // namespace

std::optional<std::string> Program::parse(int argc, const char* const* argv) {
  const auto refuse = [this](const std::string& why) {
    fail(ErrorCode::invalid_argument, why, "; see ", full_name(*app_, chosen_command(*app_)), " --help");
  };
  const auto is_first_word = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && app_->get_subcommands(is_first_word).empty())
    refuse(refuse_command(*app_, argv[1]));
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    refuse(refuse_word(chosen_command(*app_), app_->remaining(true).front()));
  } catch (const CLI::RequiredError& error) {
    refuse(refuse_absence(*app_, chosen_command(*app_), error.what()));
  } catch (const CLI::ArgumentMismatch& error) {
    refuse(refuse_count(chosen_command(*app_), error.what()));
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
