"""``python needed.py pyproject.toml [GROUP...]``: what a project needs, and these of its optional groups."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
groups = [project["dependencies"], *(project["optional-dependencies"][name] for name in sys.argv[2:])]
print(*(one for group in groups for one in group), sep="\n")
