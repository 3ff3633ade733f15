"""Renders templates with Python's Jinja2, set up as Hugging Face Transformers sets it up.

Reads a JSON array of {"template", "variables"} from standard input and writes one of {"expected"} or {"error"}.
With --write it takes the templates and variables of jinja_cases.json, beside it, and writes their outcomes there.
"""

import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 7, 6, 15, 4, 5)


class Generation(jinja2.ext.Extension):
    """{% generation %} marks what a model wrote; here it renders as its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def make_environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = NOW.strftime
    return environment


def render(case):
    try:
        return {"expected": make_environment().from_string(case["template"]).render(**case.get("variables", {}))}
    except Exception as error:  # whatever Python raises is an error of linnet's too
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        path = pathlib.Path(__file__).with_name("jinja_cases.json")
        cases = json.loads(path.read_text())
        kept = ("template", "variables")
        cases = [{**{k: case[k] for k in kept if k in case}, **render(case)} for case in cases]
        path.write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
    else:
        json.dump([render(case) for case in json.load(sys.stdin)], sys.stdout)
