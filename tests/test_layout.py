"""The rules of style and layout that no linter knows, held by tests."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(ROOT.glob("sim/**/*.py"))

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

TOP_LEVEL = {
    "LICENSE",
    "README.md",
    "constraints.txt",
    "notebooks",
    "pyproject.toml",
    "scenarios",
    "sim",
    "tests",
}
"""What may lie in the top folder besides dot-files."""

SIMULATED = ("campaign", "fleet", "rules", "scenario")
"""Packages that know simulated time and keyed draws only."""

KEYED_DRAWS = ROOT / "sim" / "fleet" / "model" / "philox.py"
"""Where NumPy's generator is set to a key and a counter before each draw."""

CLOCK_MODULES = {"random", "secrets", "time"}
CLOCK_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom", "uuid.uuid4"}

MODULES_MAX = 15
"""Modules in a folder; a command is a module of `sim.cli`, however many there are."""

TWINS = {
    "answer": "what a study found, in the folder of each kind",
    "attempt": "both planes",
    "calls": "rules of calls, and what the compiled plane does for them",
    "charts": "of a run's and of a study's page",
    "clock": "the emulator's wall clock, and the readable plane's ticks",
    "draws": "both planes",
    "figure": "in the folder of each thing that is drawn",
    "load": "the scenario's, and the load of devices that share nothing",
    "metrics": "the table of names, and the values",
    "network": "the shared functions, and what the readable plane does with them",
    "operators": "what a scenario says of them, and what they do",
    "outages": "what a scenario says of them, and what they do",
    "plane": "both planes",
    "queues": "both planes",
    "rates": "both planes",
    "records": "both planes",
    "requests": "the service's, and the HTTP layer's",
    "residuals": "both planes",
    "retry": "the rule of automatic retries, and the same compiled",
    "run": "of a campaign, an explanation, a kind of study",
    "sampling": "both planes",
    "search": "for plans and for policies",
    "session": "of the emulator, and of pytest",
    "stages": "the vendor's, a scenario's, and as an explanation tells them",
    "tables": "of files, and of memory",
    "text": "in the folder of each thing that is told",
    "timelines": "both planes",
    "tree": "both planes; and what the compiled one keeps of it",
    "watches": "both planes",
}
"""Names that several modules have on purpose: they are the same thing in twin rooms, or each in its own."""

INNER_IMPORTS = {
    "sim/campaign/scans.py": "kernels load the compiler, which runs on the SimPy plane do without",
    "sim/campaign/run.py": "one of the two device planes, of which one loads the compiler",
    "sim/campaign/tally/counting.py": "it loads the compiler, which runs of the readable plane do without",
    "sim/emulator/deferred_fleet.py": "the compiler is loaded while the server answers already",
    "sim/emulator/background_compiler.py": "likewise; and the readable plane, which few servers need",
    "sim/emulator/devices/registry.py": "it loads the readable plane, which a server begins without",
    "sim/planes/choice.py": "it loads the compiler, which the readable plane does without",
    "sim/planes/compilation.py": "it loads all kernels, which a look at the cache does without",
    "sim/report/__init__.py": "a façade: packages of reports are loaded with the first page",
    "sim/report/page.py": "packages of an extra, whose absence is reported first",
    "sim/results/files/write.py": "Arrow is needed when something is written, not when a folder is checked",
    "sim/results/result.py": "Arrow is needed for frames, not for a summary",
    "sim/study/bench/speed.py": "it loads the compiler",
    "sim/testing/plugin.py": "every pytest of an environment loads the plugin, and most know no scenarios",
}
"""Modules that import our own package inside functions, and why."""

INNER_IMPORTS_MAX = 21

Function = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[ast.Module, str], Iterator[str]]


def long_module(tree: ast.Module, text: str) -> Iterator[str]:
    """Yield the length of a module that has a second idea in it."""
    lines = len(text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield f"1: {lines} lines, allowed are {MODULE_LINES_MAX}"


def long_function(tree: ast.Module, text: str) -> Iterator[str]:
    """Yield each function that can't be read without scrolling."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = (node.end_lineno or node.lineno) - first + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {lines} lines, allowed are {FUNCTION_LINES_MAX}"


def no_docstring(tree: ast.Module, text: str) -> Iterator[str]:
    """Yield the module and each public class, method and function without a docstring."""

    def visit(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
        for child in node.body:
            if isinstance(child, (*Function.__args__, ast.ClassDef)) and not child.name.startswith("_"):
                overload = any(
                    ast.unparse(decorator).endswith("overload") for decorator in child.decorator_list
                )
                if not overload and ast.get_docstring(child) is None:
                    yield f"{child.lineno}: {prefix}{child.name} has no docstring"
                if isinstance(child, ast.ClassDef):
                    yield from visit(child, f"{prefix}{child.name}.")

    if ast.get_docstring(tree) is None:
        yield "1: the module has no docstring"
    yield from visit(tree, "")


@cache
def documented_classes() -> frozenset[str]:
    """Return the names of all classes of the package that say what they are."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES)
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return frozenset(node.name for node in nodes if ast.get_docstring(node) is not None)


def explains_itself(argument: ast.arg) -> bool:
    """Tell whether an argument's type, apart from None, is a documented class of the package."""
    if argument.annotation is None:
        return False
    kinds = set(re.split(r" \| ", ast.unparse(argument.annotation).strip("\"'"))) - {"None"}
    return kinds <= documented_classes()


def no_words_for_an_argument(tree: ast.Module, text: str) -> Iterator[str]:
    """Yield each argument that a docstring with `Args:` leaves out although its type says little."""
    for node in ast.walk(tree):
        docstring = (ast.get_docstring(node) or "") if isinstance(node, Function) else ""
        section = re.search(r"^Args:\n((?:(?: .*)?\n)+)", f"{docstring}\n", flags=re.MULTILINE)
        if not isinstance(node, Function) or section is None:
            continue
        told = set(re.findall(r"^    \*{0,2}(\w+)", section[1], flags=re.MULTILINE))
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        stars = (argument for argument in (node.args.vararg, node.args.kwarg) if argument is not None)
        for argument in (*arguments, *stars):
            known = argument.arg in {"self", "cls", *told} or argument.arg.startswith("_")
            if not known and not explains_itself(argument):
                yield f"{node.lineno}: {node.name} says nothing of {argument.arg}"


def inner_imports(tree: ast.Module, text: str) -> Iterator[str]:
    """Yield each import of our own package within a function."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    for node in dict.fromkeys(node for function in functions for node in ast.walk(function)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (f"{node.lineno}: {name}" for name in names if name.split(".")[0] == "sim")


def prints(tree: ast.Module, text: str) -> Iterator[str]:
    """Yield each call of `print`: a library that writes to the terminal can't be used by another."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{node.lineno}: print()"


def clocks_and_chance(tree: ast.Module, text: str) -> Iterator[str]:
    """Yield each use of the wall clock, or of random numbers other than the keyed draws."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            imported = not isinstance(node, ast.Attribute)
            if (
                (imported and parts[0] in CLOCK_MODULES)
                or ".".join(parts[-2:]) in CLOCK_CALLS
                or parts[:2] in (["np", "random"], ["numpy", "random"])
            ):
                yield f"{node.lineno}: {name}"


def violations(rule: Rule, sources: list[Path]) -> list[str]:
    """Apply a rule to files; each answer begins with `file:line`."""
    found = []
    for path in sources:
        text = path.read_text(encoding="utf-8")
        place = path.relative_to(ROOT)
        found += [f"{place}:{answer}" for answer in rule(ast.parse(text), text)]
    return found


def within(*packages: str) -> list[Path]:
    """Return the sources of some packages of `sim`."""
    return [path for path in SOURCES if path.relative_to(ROOT / "sim").parts[0] in packages]


ARGS = "\n    '''D.\n\n    Args:\n        "


def lines_of_code(count: int) -> str:
    """Return a function of so many lines."""
    return "def f():\n" + "    pass\n" * (count - 1)


@pytest.mark.parametrize("rule", [long_module, long_function, no_docstring, no_words_for_an_argument])
def test_sources__keep_the_rule(rule):
    """Every module of the package is short, made of short functions, and explains itself."""
    assert violations(rule, SOURCES) == []


def test_sources__import_the_package_at_the_top():
    """A circle is not hidden in a function: what is imported there is listed with a reason."""
    sources = [path for path in SOURCES if path not in within("cli")]
    found = violations(inner_imports, sources)

    assert {answer.partition(":")[0] for answer in found} == INNER_IMPORTS.keys()
    assert len(found) <= INNER_IMPORTS_MAX


def test_folders__are_small_and_names_are_no_accident():
    """A newcomer reads a folder's names on one screen, and finds a module by its name alone."""
    modules = [path for path in SOURCES if path.stem != "__init__" and path not in within("cli")]
    sizes = Counter(path.parent.relative_to(ROOT).as_posix() for path in modules)
    names = Counter(path.stem for path in modules)

    assert {folder: n for folder, n in sizes.items() if n > MODULES_MAX} == {}
    assert {name for name, n in names.items() if n > 1} - TWINS.keys() == set()


def test_sources__print_in_the_command_only():
    """Nothing but the command line writes to the terminal."""
    assert violations(prints, [path for path in SOURCES if path not in within("cli")]) == []


def test_sources__the_simulation_knows_no_clock_and_no_chance():
    """Equal seeds give equal runs: the packages that simulate read no clock and draw by key only."""
    sources = within(*SIMULATED)

    assert {path.relative_to(ROOT / "sim").parts[0] for path in sources} == set(SIMULATED)
    found = {answer.rpartition(" ")[2] for answer in violations(clocks_and_chance, [KEYED_DRAWS])}
    assert found == {"np.random", "np.random.Philox"}
    assert violations(clocks_and_chance, [path for path in sources if path != KEYED_DRAWS]) == []


@pytest.mark.parametrize(
    ("rule", "text", "places"),
    [
        (long_module, '"""D."""\n' + "x = 1\n" * 399, []),
        (long_module, '"""D."""\n' + "x = 1\n" * 400, [1]),
        (long_function, lines_of_code(60), []),
        (long_function, lines_of_code(61), [1]),
        (long_function, "@cache\n" + lines_of_code(60), [2]),
        (no_docstring, '"""D."""\n_x = 1\ndef _f(): pass\nclass _C: pass\n', []),
        (no_docstring, "def f():\n    '''D.'''\nclass C:\n    def m(self): pass\n", [1, 3, 4]),
        (no_docstring, '"""D."""\n@typing.overload\ndef f(x: int) -> int: ...\n', []),
        (no_words_for_an_argument, f"def f(a: int, b: str): {ARGS}a: An a.\n    '''\n", [1]),
        (no_words_for_an_argument, f"def f(run: StoredRun | None, b: str): {ARGS}b: A b.\n    '''\n", []),
        (no_words_for_an_argument, f"def f(self, a: Nothing, *b: int): {ARGS}*b: Bs.\n    '''\n", [1]),
        (no_words_for_an_argument, "def f(a: int):\n    '''D.'''\n", []),
        (inner_imports, "import sim\ndef f():\n    import os, sim.units\n    from sim import run\n", [3, 4]),
        (inner_imports, "def f():\n    import simpy\n    from simpy import x\n", []),
        (prints, "print(1)\n", [1]),
        (prints, "def f(print_it): print_it()\n", []),
        (clocks_and_chance, "import random\nimport time\nfrom time import time\n", [1, 2, 3, 3]),
        (clocks_and_chance, "import datetime as dt\nx = dt.datetime.now()\n", [2]),
        (clocks_and_chance, "import numpy as np\nx = np.random.default_rng()\n", [2, 2]),
        (clocks_and_chance, "from numpy import random\n", [1]),
        (clocks_and_chance, "x = run.time, event.random, datetime.fromisoformat(y)\n", []),
    ],
)
def test_rules__find_what_they_are_for(rule, text, places):
    """Each rule answers with the lines that break it, and with no others."""
    assert [int(answer.split(":")[0]) for answer in rule(ast.parse(text), text)] == places


def test_repository__the_top_folder_holds_what_the_design_allows():
    """A newcomer sees one screen: sources, scenarios, notebooks, tests and how to build them."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    tracked = listing.stdout.splitlines() or [path.name for path in ROOT.iterdir()]  # no git, no index
    names = {path.split("/")[0] for path in tracked}

    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL
    assert {"LICENSE", "README.md", "constraints.txt", "pyproject.toml", "scenarios", "sim", "tests"} <= names


def test_constraints__every_dependency_is_pinned():
    """The tested set names a version for all that the project asks for, and no address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
    ]
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text, flags=re.MULTILINE))

    names = {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in wanted}
    assert {re.sub(r"[-_.]+", "-", name) for name in names} - pinned == set()
    assert "://" not in text
