"""The rules of the house, checked on the source: who may import whom, how large a room may grow."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from s3console import __version__

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "s3console"

MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "config": {"core"},
    "core": set(),
    "s3": {"core"},
    "store": {"core"},
    "listings": {"core"},
    "systems": {"core", "s3", "store"},
    "run": {"core", "s3", "store"},
    "workflow": {"config", "core", "s3", "store", "listings", "run", "systems"},
    "demo": {"core"},
    "ui": {"config", "core", "s3", "store", "workflow", "demo", "__init__"},
    "cli": {"config", "core", "s3", "store", "workflow", "demo", "ui", "__init__"},
}
ONLY_IN: dict[str, tuple[str, ...]] = {
    "boto3": ("s3/",), "botocore": ("s3/",), "pycurl": ("s3/",), "urllib3": ("s3/",),
    "diskcache": ("store/checkpoint.py", "store/safedisk.py"),
    "textual": ("ui/",), "rich": ("ui/",),
    "pyarrow": ("store/", "workflow/", "listings/"), "duckdb": ("store/", "workflow/"),
    "ministack": ("demo/emulator.py",), "hypercorn": ("demo/emulator.py",),
}
HEAVY = ("textual", "boto3", "botocore", "pyarrow", "duckdb", "diskcache", "rich")

FILE_LINES, FUNCTION_LINES, CLASS_METHODS = 400, 60, 25
TEST_FILE_LINES = 500


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of the package by its path below it."""
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
            for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: str, tree: ast.Module) -> Iterator[str]:
    """Full dotted names of everything a module imports, at the top or inside a function."""
    package = ["s3console", *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            parts = base + ([node.module] if node.module else [])
            yield from (".".join([*parts, alias.name]) for alias in node.names)


def room_of(path: str) -> str:
    return path.split("/")[0].removesuffix(".py")


def test_arrows_between_rooms_point_down() -> None:
    wrong = []
    for path, tree in sources().items():
        room = room_of(path)
        assert room in MAY_IMPORT, f"{path} is a room that the plan does not know"
        for name in imported(path, tree):
            parts = name.split(".")
            if parts[0] != "s3console":
                continue
            target = parts[1] if len(parts) > 1 else "__init__"
            target = target if target in MAY_IMPORT else "__init__"
            if target != room and target not in MAY_IMPORT[room]:
                wrong.append(f"{path} imports {name}")
    assert not wrong


def test_libraries_stay_in_their_rooms() -> None:
    wrong = [f"{path} imports {name}" for path, tree in sources().items() for name in imported(path, tree)
             if (allowed := ONLY_IN.get(name.split(".")[0])) and not path.startswith(allowed)]
    assert not wrong


def test_only_workers_write_to_a_store() -> None:
    wrong = [f"{path} imports {name}" for path, tree in sources().items() for name in imported(path, tree)
             if name.startswith("s3console.s3.write") and room_of(path) not in ("run", "s3")]
    assert not wrong


def test_core_imports_the_standard_library_only() -> None:
    wrong = [f"{path} imports {name}" for path, tree in sources().items() if room_of(path) == "core"
             for name in imported(path, tree)
             if (top := name.split(".")[0]) != "s3console" and top not in sys.stdlib_module_names]
    assert not wrong


def loaded_after(statement: str) -> set[str]:
    """Top-level modules in memory after a statement ran in a fresh interpreter."""
    script = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                          cwd=ROOT, env={"PATH": os.environ.get("PATH", "")})
    return set(done.stdout.split())


def test_core_loads_nothing_heavy() -> None:
    modules = [f"s3console.{path.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
               for path in sources() if room_of(path) == "core"]
    assert len(modules) > 5
    assert not loaded_after(f"import {', '.join(modules)}") & set(HEAVY)


def test_the_stories_load_nothing_heavy() -> None:
    assert not loaded_after("import s3console.demo.stories") & {*HEAVY, "ministack"}


def test_version_and_help_load_nothing_heavy() -> None:
    assert not loaded_after("import s3console.cli.main") & set(HEAVY)


def test_the_console_starts_without_boto3() -> None:
    if not (PACKAGE / "ui" / "app.py").exists():
        pytest.fail("there is no console")
    assert not loaded_after("import s3console.ui.app") & {"boto3", "botocore", "pyarrow", "duckdb"}


def lines_of(node: ast.AST) -> int:
    return (getattr(node, "end_lineno", 0) or 0) - (getattr(node, "lineno", 0) or 0) + 1


def sizes() -> Iterator[tuple[str, int, int]]:
    """(what, size, limit) of every file, function and class of the package, and of every test file."""
    for path, tree in sources().items():
        yield path, len((PACKAGE / path).read_text(encoding="utf-8").split("\n")) - 1, FILE_LINES
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}:{node.name}", lines_of(node), FUNCTION_LINES
            elif isinstance(node, ast.ClassDef):
                methods = sum(isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in node.body)
                yield f"{path}:{node.name}", methods, CLASS_METHODS
    for file in sorted((ROOT / "tests").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        yield name, len(file.read_text(encoding="utf-8").split("\n")) - 1, TEST_FILE_LINES


def test_nothing_grows_past_its_limit() -> None:
    found = list(sizes())
    over = [f"{what} has {size}, the limit is {limit}" for what, size, limit in found
            if size > limit]
    assert not over


def test_no_error_is_swallowed() -> None:
    wrong = []
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (isinstance(node.type, ast.Name)
                                          and node.type.id in ("Exception", "BaseException"))
            idle = all(isinstance(item, ast.Pass | ast.Continue) or (
                isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)) for item in node.body)
            if broad and idle:
                wrong.append(f"{path}:{node.lineno}")
    assert not wrong


def test_no_booleans_by_position() -> None:
    wrong = []
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = node.args.posonlyargs + node.args.args
                wrong += [f"{path}:{node.lineno} {node.name}({item.arg})" for item in arguments
                          if isinstance(item.annotation, ast.Name) and item.annotation.id == "bool"
                          and not node.name.startswith(("watch_", "validate_", "action_", "_"))]
    assert not wrong


def test_no_print_outside_the_command_line() -> None:
    wrong = [f"{path}:{node.lineno}" for path, tree in sources().items()
             if room_of(path) not in ("cli", "demo")
             for node in ast.walk(tree)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not wrong


def test_no_pickle() -> None:
    wrong = [path for path, tree in sources().items() for name in imported(path, tree)
             if name.split(".")[0] in ("pickle", "shelve", "marshal", "dill")]
    assert not wrong


def text_files() -> Iterator[Path]:
    """What is ours and is text, wherever it lies in the repository."""
    tops = ["s3console", "tests", ".ci", "Makefile", "pyproject.toml", "README.md", "CHANGELOG.md",
            "CONTRIBUTING.md", "LICENSE", "requirements.lock", ".gitignore"]
    for top in tops:
        path = ROOT / top
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (file for file in files if file.is_file() and "__pycache__" not in file.parts
                    and file.suffix in (".py", ".md", ".sh", ".toml", ".tcss", ".lock", ".json", ".lua", ""))


def test_nothing_is_left_for_later_in_comments() -> None:
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:")))
    wrong = [file.relative_to(ROOT).as_posix() for file in text_files()
             if marks.search(file.read_text(encoding="utf-8", errors="replace"))]
    assert not wrong


def test_no_machine_is_named() -> None:
    """No home directories, workspaces or package hosts: the project works from wherever it is cloned."""
    marks = re.compile("|".join((
        r"/wo" r"rk/(?:main|shared)", r"/tmp/ho" r"use", r"/ro" r"ot/", r"--index-" r"url",
        r"pypi\." r"org", r"files\.python" r"hosted")))
    wrong = [f"{file.relative_to(ROOT).as_posix()}: {found[0]}" for file in text_files()
             if (found := marks.search(file.read_text(encoding="utf-8", errors="replace")))]
    assert not wrong


def test_readme_names_the_two_commands_and_what_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme and "make test" in readme
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z-]+)`", readme)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"README names make {target}"


def test_every_word_in_the_readme_exists() -> None:
    from s3console.cli.main import WORDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pieces = re.findall(r"^```sh\n(.*?)^```|`([^`\n]+)`", readme, re.MULTILINE | re.DOTALL)
    code = "\n".join(block or span for block, span in pieces)
    words = set(re.findall(r"s3console ([a-z][a-z-]+)", code))
    assert words
    assert words <= set(WORDS), words - set(WORDS)


def test_one_version() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_lock_file_covers_what_is_declared() -> None:
    """Every requirement of the project is pinned in the lock, at a version the project allows."""
    from packaging.requirements import Requirement

    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").split("\n")
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines if line and line[0] != "#")
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    for line in project["dependencies"] + extras["demo"] + extras["dev"]:
        requirement = Requirement(line)
        pin = pins.get(requirement.name.lower().replace("_", "-"))
        assert pin, f"{requirement.name} is not in requirements.lock"
        assert requirement.specifier.contains(pin, prereleases=True), f"{line} against {pin}"


def test_the_package_can_be_found() -> None:
    assert importlib.util.find_spec("s3console.demo.emulator") is not None
