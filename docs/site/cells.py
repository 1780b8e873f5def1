"""Read a program as cells of text and code, and run it cell by cell.

`python cells.py program.py result.json [--quick]`

A program in jupytext's percent format has cells that begin with `# %%` (code) and `# %% [markdown]` (text); any other
program is its docstring and one cell of code. The result says for each cell what it printed and which files it wrote
into the folder that TINYGRAD_ML_OUTPUT names.
"""

import ast
import contextlib
import io
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(r"^# %%[^\n]*$\n?", re.MULTILINE)


@dataclass
class Cell:
    """A piece of a program: Markdown, or code that begins in a line."""

    kind: str
    text: str
    line: int = 1


def cells(source):
    """Return the cells of a program."""
    marks = list(MARK.finditer(source))
    if not marks:
        docstring = ast.get_docstring(ast.parse(source)) or ""
        end = ast.parse(source).body[0].end_lineno if docstring else 0
        title, _, rest = docstring.partition("\n")
        code = "".join(source.splitlines(keepends=True)[end:])
        return [Cell("markdown", f"# {title.removesuffix('.')}\n{rest}"), Cell("code", code, end + 1)]
    found = []
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        text = source[mark.end() : following.start() if following else len(source)]
        line = source.count("\n", 0, mark.end()) + 1
        if "[markdown]" in mark[0]:
            found.append(Cell("markdown", re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip()))
        elif text.strip():
            found.append(Cell("code", text, line))
    return found


def run(path, folder):
    """Run the code of a program; return for each cell what it printed and the files that it wrote or changed."""
    namespace = {"__name__": "__main__", "__file__": str(path)}
    times, results = {}, []
    for cell in cells(path.read_text(encoding="utf-8")):
        printed = io.StringIO()
        if cell.kind == "code":
            code = compile("\n" * (cell.line - 1) + cell.text, str(path), "exec")
            with contextlib.redirect_stdout(printed):
                exec(code, namespace)
        now = {file.name: file.stat().st_mtime_ns for file in sorted(folder.glob("*")) if file.is_file()}
        written = [name for name, time in now.items() if times.get(name) != time]
        results.append({"printed": printed.getvalue(), "files": written})
        times = now
    return results


def main():
    """Run the program that the command line names."""
    path, result = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    sys.argv = [str(path), *sys.argv[3:]]
    sys.path[0] = str(path.parent)
    folder = Path(os.environ["TINYGRAD_ML_OUTPUT"])
    folder.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps(run(path, folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
