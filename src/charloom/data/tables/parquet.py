"""Rows of parquet files, read with polars."""

from collections.abc import Iterator
from typing import Final

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Progress, SourceFile, unreadable_error
from charloom.data.tables.columns import SAMPLE_ROWS, Row, select_columns
from charloom.errors import SourceError
from charloom.settings import TextSettings

_BLOCK_ROWS: Final = 1 << 15


def read_parquet(
    file: SourceFile, settings: TextSettings, notes: ReadingNotes, progress: Progress | None
) -> Iterator[Row]:
    """Yield the rows of a parquet file; raises SourceError if it cannot be read."""
    import polars

    try:
        lazy = polars.scan_parquet(file.path, glob=False)
        names = lazy.collect_schema().names()
        head = lazy.head(SAMPLE_ROWS).collect()
        sample = [[x if isinstance(x, str) else "" for x in row] for row in head.iter_rows()]
        columns = select_columns(file, settings, notes, names, sample)
        count = lazy.select(polars.len()).collect().item()
        table = lazy.select(
            polars.nth(position).cast(polars.String).fill_null("").alias(str(index))
            for index, position in enumerate(columns.positions)
        )
        for start in range(0, count, _BLOCK_ROWS):
            block = table.slice(start, _BLOCK_ROWS).collect()
            for number, values in enumerate(block.iter_rows(), start + 1):
                yield columns.to_row(number, values)
        if progress is not None:
            progress(file.path.stat().st_size)
    except OSError as error:
        raise unreadable_error(file.name, error) from error
    except polars.exceptions.PolarsError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{file.name} cannot be read as parquet: {reason}; a whole parquet file whose chosen "
            "columns are text is needed; fetch or write it again."
        ) from error
