"""Runs pytest with the arguments given and writes which lines of the tree it has run, as LCOV, to the first of them."""
import os, sys, threading, types

report, root, hits = sys.argv[1], os.getcwd() + os.sep, {}


def watch(frame, event, arg):
    name = frame.f_code.co_filename
    if not name.startswith(root):
        return None
    if event == "line":
        hits.setdefault(name, set()).add(frame.f_lineno)
    return watch


def lines(code):
    for _, _, line in code.co_lines():
        if line:
            yield line
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from lines(inner)


import pytest

threading.settrace(watch)
sys.settrace(watch)
status = pytest.main(sys.argv[2:])
sys.settrace(None)
with open(report, "w") as out:
    for name, run in hits.items():
        with open(name, "rb") as source:
            known = set(lines(compile(source.read(), name, "exec")))
        out.write("SF:" + os.path.relpath(name, root) + "\n")
        for line in sorted(known | run):
            out.write("DA:%d,%d\n" % (line, line in run))
        out.write("end_of_record\n")
sys.exit(int(status))
