"""Makes the examples' Parquet files from WordNet 3.0, as Debian packages it.

The files in this repository were made on Debian 12 with Python 3.11 by:

    apt-get download wordnet-base          # 1:3.0-37
    dpkg -x wordnet-base_*.deb wordnet-base
    python3 -m venv .venv && .venv/bin/pip install pyarrow==26.0.1
    .venv/bin/python examples/wordnet/make-data.py wordnet-base/usr/share/wordnet

Rows keep the order of WordNet's files, so the same input and pyarrow version give the same bytes.
"""

import pathlib
import re
import sys

import pyarrow as pa
import pyarrow.parquet as pq

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent
PART_OF_SPEECH = {"n": "noun", "v": "verb", "a": "adjective", "s": "adjective", "r": "adverb"}
# Noun files of wninput(5WN) that the second example uses: lexicographer file number, path of the output.
NOUN_FILES = {
    12: "feelings/feeling.parquet",
    19: "nature/phenomenon.parquet",
    25: "shape.parquet",
}


def synsets(path):
    """Yields the synsets of a data file in the order of the file, as wndb(5WN) describes its lines."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            continue  # the licence, at the head of each file
        fields, gloss = line.split(" | ", 1)
        fields = fields.split(" ")
        count = int(fields[3], 16)
        # A marker such as "(p)" says where an adjective may stand; it is no part of the word.
        words = [re.sub(r"\((?:p|a|ip)\)$", "", word).replace("_", " ") for word in fields[4 : 4 + 2 * count : 2]]
        definition, example = split_gloss(gloss.strip())
        yield {
            "synset": f"{fields[0]}-{fields[2]}",
            "lex_file": int(fields[1]),
            "words": words,
            "part_of_speech": PART_OF_SPEECH[fields[2]],
            "definition": definition,
            "example": example,
        }


def split_gloss(gloss):
    """A gloss is a definition and, after it, examples in double quotes; the first one is kept."""
    definition, separator, rest = gloss.partition('; "')
    if separator == "":
        return gloss, None
    return definition.strip(), rest.partition('"')[0].strip() or None


def write(table, path, row_group_size):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", compression_level=19, row_group_size=row_group_size)
    print(f"{path.relative_to(EXAMPLES)}: {table.num_rows} rows, {path.stat().st_size} bytes")


def main(source):
    rows = [row for name in ("data.verb", "data.adj", "data.adv") for row in synsets(source / name)]
    table = pa.table(
        {
            "synset": pa.array([row["synset"] for row in rows], pa.string()),
            "word": pa.array([row["words"][0] for row in rows], pa.string()),
            "part_of_speech": pa.array([row["part_of_speech"] for row in rows], pa.string()),
            "definition": pa.array([row["definition"] for row in rows], pa.string()),
            "example": pa.array([row["example"] for row in rows], pa.string()),
        }
    )
    write(table, EXAMPLES / "wordnet" / "wordnet.parquet", 5_000)

    nouns = list(synsets(source / "data.noun"))
    for lex_file, path in NOUN_FILES.items():
        rows = [row for row in nouns if row["lex_file"] == lex_file]
        table = pa.table(
            {
                "synset": pa.array([row["synset"] for row in rows], pa.string()),
                "words": pa.array([row["words"] for row in rows], pa.list_(pa.string())),
                "gloss": pa.array(
                    [{"definition": row["definition"], "example": row["example"]} for row in rows],
                    pa.struct([("definition", pa.string()), ("example", pa.string())]),
                ),
            }
        )
        write(table, EXAMPLES / "nouns" / "data" / path, 1_000)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
