"""Lints one Verilog-2005 file with slang. Usage: slang_lint.py TOP FILE

Every warning slang knows is on, and is an error. Prints the diagnostics; exits with 0 only when there is none.
"""

import sys

from pyslang import driver

# Warnings that are off, each with its reason. Empty: slang's whole list applies.
OFF: dict[str, str] = {}


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    top, path = sys.argv[1:]
    slang = driver.Driver()
    slang.addStandardArgs()
    args = ["slang", "--std", "1364-2005", "--top", top, "-Weverything", "-Werror"]
    args += [f"-Wno-{name}" for name in OFF]
    args.append(path)
    # slang takes one string and splits it as a shell would: the caller passes plain names, no blanks.
    ok = (
        slang.parseCommandLine(" ".join(args))
        and slang.processOptions()
        and slang.parseAllSources()
        and slang.runFullCompilation()
    )
    return 0 if ok else 1


sys.exit(main())
