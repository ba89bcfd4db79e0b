"""Count greedy texts with a loop, by repetition penalty.

A loop is a passage of 4 to 60 symbols, three times in a row. The bits per character of the texts
under the model itself show the cost of a penalty in likelihood.

    python benchmarks/loops.py RUN [--length 300]
"""

import argparse
import re
import string

import charloom

PENALTIES = (None, 1.05, 1.1, 1.2, 1.3, 1.5, 2.0)
LOOP = re.compile(r"(.{4,60}?)\1\1", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", help="folder of a model")
    parser.add_argument("--length", type=int, default=300)
    given = parser.parse_args()
    model = charloom.load(given.run)
    prompts = [*string.ascii_uppercase, *(f"The {letter}" for letter in string.ascii_lowercase)]
    print("penalty  texts with a loop  bits/char")
    for penalty in PENALTIES:
        texts = [
            model.generate(
                prompt, temperature=0.0, length=given.length, repetition_penalty=penalty
            )[0]
            for prompt in prompts
        ]
        looping = sum(LOOP.search(text) is not None for text in texts)
        bits = model.bits_per_character(texts)
        print(f"{penalty or 'none':>7}  {looping:>9} of {len(texts)}  {bits:9.3f}")


if __name__ == "__main__":
    main()
