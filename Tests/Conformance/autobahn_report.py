"""Counts what Autobahn found: usage autobahn_report.py DIRECTORY. Fails if any case failed."""

import collections
import json
import pathlib
import sys

(cases,) = json.loads((pathlib.Path(sys.argv[1]) / "index.json").read_text()).values()
counts = collections.Counter(case["behavior"] for case in cases.values())
print(f"{len(cases)} cases:", ", ".join(f"{count} {name}" for name, count in counts.most_common()))
bad = [
    number for number, case in cases.items()
    if not {case["behavior"], case["behaviorClose"]} <= {"OK", "NON-STRICT", "INFORMATIONAL"}
]
if bad:
    print("FAILED:", ", ".join(bad))
sys.exit(bool(bad) or len(cases) < 200)
