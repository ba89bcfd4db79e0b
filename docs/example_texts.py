"""Write the example texts of guides and recipes: names, log lines, molecules, tunes and others.

    python docs/example_texts.py FOLDER

The names are real given names. All others are made by chance from small grammars, with a fixed
seed: they show how a tool is used, not how good a model is on real data of the kind.
"""

import datetime
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from example_names import NAMES

_USERS = ("ada", "backup", "deploy", "grace", "linus", "root", "www-data")
_UNITS = ("cron", "nginx", "postgresql", "sshd", "systemd")
_ATTACKS = (
    "sshd[{pid}]: Failed password for invalid user oracle from 203.0.113.{n} port {port} ssh2",
    "kernel: Out of memory: Killed process {pid} (postgres) total-vm:{port}kB",
    "sudo: www-data : command not allowed ; USER=root ; COMMAND=/bin/bash",
    'nginx[{pid}]: 203.0.113.{n} "GET /../../etc/passwd HTTP/1.1" 400',
)


def log_line(chance: random.Random, moment: datetime.datetime) -> str:
    """Return an ordinary line of a system log."""
    pid, n, port = (
        chance.randrange(300, 9999),
        chance.randrange(2, 60),
        chance.randrange(30000, 60000),
    )
    line = chance.choice(
        (
            f"sshd[{pid}]: Accepted publickey for {chance.choice(_USERS)} from 10.0.0.{n} port {n}",
            f"sshd[{pid}]: pam_unix(sshd:session): session closed for user {chance.choice(_USERS)}",
            f"systemd[1]: Started {chance.choice(_UNITS)}.service",
            f"CRON[{pid}]: ({chance.choice(_USERS)}) CMD (/usr/bin/backup --daily)",
            f'nginx[{pid}]: 10.0.0.{n} "GET /index.html HTTP/1.1" 200 {port}',
            f"postgresql[{pid}]: checkpoint complete: wrote {n} buffers",
        )
    )
    return f"{moment:%b %d %H:%M:%S} web1 {line}"


def log_lines(day: int, count: int, attacks: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield the kind (usual, attack) and the text of the lines of one day, in order of time."""
    chance = random.Random(seed)
    places = set(chance.sample(range(count), attacks))
    moment = datetime.datetime(2026, 11, day, 0, 0, 5)  # noqa: DTZ001
    for number in range(count):
        moment += datetime.timedelta(seconds=chance.randrange(1, 2 * 86_000 // count))
        if number not in places:
            yield "usual", log_line(chance, moment)
            continue
        text = chance.choice(_ATTACKS).format(
            pid=chance.randrange(300, 9999),
            n=chance.randrange(255),
            port=chance.randrange(1024, 65535),
        )
        yield "attack", f"{moment:%b %d %H:%M:%S} web1 {text}"


def molecule(chance: random.Random, depth: int = 0) -> str:
    """Return a molecule as a SMILES string: a chain with branches and rings."""
    text = ""
    for _ in range(chance.randint(1, 5)):
        text += chance.choice(("C", "C", "C", "CC", "O", "N", "C(=O)", "C(Cl)", "C(Br)", "S"))
        if depth < 2 and chance.random() < 0.3:
            text += f"({molecule(chance, depth + 1)})"
        if depth == 0 and chance.random() < 0.35:
            text += chance.choice(("c1ccccc1", "C1CCCCC1", "c1ccncc1", "c1cc[nH]c1"))
    return text


def tune(chance: random.Random, number: int) -> str:
    """Return a tune of two repeated parts in ABC notation."""
    key = chance.choice(("D", "G", "A", "Em"))
    kind, meter, bar = chance.choice((("reel", "4/4", 8), ("jig", "6/8", 6)))
    part = "".join(
        "".join(chance.choice("ABCDEFGabcdefg") for _ in range(bar)) + "|" for _ in range(4)
    )
    header = f"X:{number}\nT:Tune {number}\nR:{kind}\nM:{meter}\nL:1/8\nK:{key}\n"
    return f"{header}|:{part}\n|:{part[::-1].strip('|')}|:|"


_PARTS: tuple[str, ...] = (
    "blue",
    "book",
    "cloud",
    "coffee",
    "craft",
    "data",
    "east",
    "green",
    "home",
    "king",
    "lake",
)
_PARTS += ("market", "north", "pixel", "river", "shop", "stone", "sun", "tech", "trade", "wood")


def domain(chance: random.Random) -> str:
    """Return a domain name of words, as people choose it."""
    name = "".join(chance.sample(_PARTS, 2))
    return f"{name}{chance.choice(('', '', 's', '24'))}.{chance.choice(('com', 'net', 'org'))}"


def generated_domain(chance: random.Random) -> str:
    """Return a domain name of random letters, as programs make it."""
    letters = "".join(
        chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(chance.randint(9, 16))
    )
    return f"{letters}.{chance.choice(('com', 'net', 'org'))}"


def country_rows() -> list[tuple[str, str]]:
    """Return a table of names and their countries, with a header, in an order drawn by chance."""
    rows = [(name, country) for country, names in NAMES.items() for name in names.split()]
    random.Random(4).shuffle(rows)
    return [("name", "country"), *rows]


_ASCII_NAMES = [name for names in NAMES.values() for name in names.split() if name.isascii()]
_GOODS = ("BAG", "BOT", "CAP", "HAT", "JKT", "SHO", "SOC", "TEE")
_COLORS = ("BLK", "BLU", "GRN", "GRY", "RED", "WHT", "YEL")
_SIZES = ("S", "M", "L", "XL")


def email(chance: random.Random) -> str:
    """Return an e-mail address under a domain that is reserved for examples."""
    name, word = chance.choice(_ASCII_NAMES).lower(), chance.choice(_PARTS)
    local = chance.choice(
        (f"{name}.{word}", f"{word}{chance.randrange(100)}", name, f"{name}_{word}")
    )
    host = chance.choice(("example.com", "example.net", "example.org", f"mail.{word}.example"))
    return f"{local}@{host}"


def stock_number(chance: random.Random) -> str:
    """Return the stock number of an article: goods, number, color, size."""
    goods, color, size = chance.choice(_GOODS), chance.choice(_COLORS), chance.choice(_SIZES)
    return f"{goods}-{chance.randrange(1, 10)}{chance.randrange(1000):03}-{color}-{size}"


def plate(chance: random.Random) -> str:
    """Return a number plate: three letters without I, O and Q, and three digits."""
    letters = "".join(chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(3))
    return f"{letters} {chance.randrange(1, 1000):03}"


def write_all(folder: Path) -> None:
    """Write all example texts into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, lines: Iterator[str] | list[str]) -> None:
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    write("monday.log", [text for _, text in log_lines(23, 4000, 0, seed=1)])
    tuesday = log_lines(24, 2000, 20, seed=2)
    write(
        "tuesday.csv",
        [
            "kind,line",
            *(f'{kind},"{text.replace(chr(34), 2 * chr(34))}"' for kind, text in tuesday),
        ],
    )
    chance = random.Random(3)
    write("molecules.smi", [f"{molecule(chance)} molecule {n}" for n in range(4000)])
    write("tunes.abc", ["\n\n".join(tune(chance, n) for n in range(1, 401))])
    domains = sorted({domain(chance) for _ in range(3000)})
    chance.shuffle(domains)
    write("domains.txt", domains[:1500])
    rows = [f"people,{name}" for name in domains[1500:1700]]
    rows += [f"program,{generated_domain(chance)}" for _ in range(200)]
    chance.shuffle(rows)
    write("suspects.csv", ["made_by,domain", *rows])
    write("names.csv", [",".join(row) for row in country_rows()])
    makers = {"email": email, "sku": stock_number, "plate": plate}
    rows = [f"{kind},{make(chance)}" for kind, make in makers.items() for _ in range(1000)]
    chance.shuffle(rows)
    write("fields.csv", ["kind,value", *rows])


if __name__ == "__main__":
    write_all(Path(sys.argv[1] if len(sys.argv) > 1 else "examples"))
