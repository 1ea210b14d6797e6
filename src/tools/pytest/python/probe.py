"""Prints as JSON what is installed for the Python that runs this, as far as pytest is concerned."""
import importlib.metadata
import importlib.util
import json
import re
import sys


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


versions = {}
entry_points = []
for distribution in importlib.metadata.distributions():
    name = distribution.metadata["Name"]
    if name is None or normalized(name) in versions:
        continue  # what comes later on the path is hidden
    versions[normalized(name)] = distribution.version
    for entry in distribution.entry_points:
        if entry.group == "pytest11":
            entry_points.append({"distribution": name, "name": entry.name, "value": entry.value})

implementation = sys.implementation.name
json.dump(
    {
        "python": sys.executable,
        "implementation": "pypy3" if implementation == "pypy" else "python%d.%d" % sys.version_info[:2],
        "versions": versions,
        "entryPoints": entry_points,
        "hypothesisGentoo": importlib.util.find_spec("hypothesis_gentoo") is not None,
    },
    sys.stdout,
)
