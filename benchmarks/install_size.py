"""Measure the size of an installation without extras.

The wheel of this checkout is built and installed into an empty environment, with all that it
requires. The size is the sum of all files in site-packages, compiled bytecode included, without
pip and setuptools. The exit code is 1 if it exceeds the limit.

    python benchmarks/install_size.py [--limit MEGABYTES]
"""

import argparse
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 350
"""Megabytes of 1,000,000 bytes."""
LEFT_OUT = ("pip", "setuptools", "_distutils_hack", "distutils-precedence.pth", "pkg_resources")
SHOWN = 8


def install(folder: Path) -> Path:
    """Install the wheel into a new environment in ``folder``; return its site-packages."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "environment", with_pip=True)
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    python = folder / "environment" / scripts / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def sizes(site: Path) -> Counter[str]:
    """Return the bytes of each file and folder of site-packages."""
    return Counter(
        {
            entry.name: sum(path.stat().st_size for path in (entry, *entry.rglob("*")))
            if entry.is_dir()
            else entry.stat().st_size
            for entry in site.iterdir()
            if not entry.name.startswith(LEFT_OUT)
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--limit", type=float, default=LIMIT, metavar="MEGABYTES")
    limit: float = parser.parse_args().limit
    with tempfile.TemporaryDirectory() as folder:
        parts = sizes(install(Path(folder)))
    total = parts.total() / 1e6
    for name, size in parts.most_common(SHOWN):
        print(f"{size / 1e6:8.1f} MB  {name}")
    print(f"{total:8.1f} MB  in all; the limit is {limit:g} MB")
    return int(total > limit)


if __name__ == "__main__":
    raise SystemExit(main())
