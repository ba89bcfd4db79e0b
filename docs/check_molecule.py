"""A checker of the guides: brackets, rings and bonds of molecules as SMILES strings.

Reads one string a line, and writes 1 for each in which brackets are balanced, rings are closed and
no bond ends the string; 0 for another. RDKit knows far more.
"""

import sys


def is_well_formed(smiles: str) -> bool:
    """Return whether a string passes the three tests."""
    depth, last = 0, ""
    open_rings: set[str] = set()
    for symbol in smiles:
        if symbol == "(":
            if last in ("", "("):
                return False
            depth += 1
        elif symbol == ")":
            depth -= 1
            if depth < 0:
                return False
        elif symbol.isdigit():
            open_rings ^= {symbol}
        last = symbol
    return depth == 0 and not open_rings and last not in ("", "=", "#")


if __name__ == "__main__":
    for line in sys.stdin:
        print(int(is_well_formed(line.rstrip("\n"))))
