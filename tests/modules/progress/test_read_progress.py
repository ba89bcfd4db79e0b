"""What is told of reading, by a clock of the test's own."""

from charloom.progress.read_progress import ReadProgress


def test_share_rate_and_time_left() -> None:
    now = [100.0]
    reading = ReadProgress(lambda: now[-1])
    now.append(107.0)  # what came before the first bytes was not reading
    reading.add(0, 8_000_000)
    assert str(reading) == "reading, 0% of 8.0 MB"
    reading.add(1_000_000, 8_000_000)
    assert str(reading) == "reading, 12% of 8.0 MB"
    now.append(108.0)
    reading.add(1_000_000, 8_000_000)
    assert str(reading) == "reading, 25% of 8.0 MB, 2.0 MB/s, 0:03 left"
    assert reading.bar(plain=False) == "━" * 5 + "─" * 15
    assert reading.bar(plain=True) == "#" * 5 + "-" * 15


def test_a_file_that_grew_is_read_to_the_end() -> None:
    reading = ReadProgress(lambda: 0.0)
    reading.add(3_000_000, 2_000_000)
    assert str(reading) == "reading, 100% of 2.0 MB"
    assert reading.bar(plain=True) == "#" * 20
