"""`sidecar` as on a platform without uvloop: takes the arguments of the command line."""

import runpy
import sys

if __name__ == "__main__":
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # whoever imports it finds none
    runpy.run_module("sidecar", run_name="__main__", alter_sys=True)
