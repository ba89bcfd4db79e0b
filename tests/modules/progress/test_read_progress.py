from charloom.progress.read_progress import ReadProgress


def test_fraction_rate_and_time_left() -> None:
    now = [100.0]
    progress = ReadProgress(lambda: now[-1])
    now.append(107.0)  # before the first bytes nothing is read
    progress.add(0, 8_000_000)
    assert str(progress) == "reading, 0% of 8.0 MB"
    progress.add(1_000_000, 8_000_000)
    assert str(progress) == "reading, 12% of 8.0 MB"
    now.append(108.0)
    progress.add(1_000_000, 8_000_000)
    assert str(progress) == "reading, 25% of 8.0 MB, 2.0 MB/s, 0:03 left"
    assert progress.bar(plain=False) == "━" * 5 + "─" * 15
    assert progress.bar(plain=True) == "#" * 5 + "-" * 15


def test_file_that_grew_is_at_most_fully_read() -> None:
    progress = ReadProgress(lambda: 0.0)
    progress.add(3_000_000, 2_000_000)
    assert str(progress) == "reading, 100% of 2.0 MB"
    assert progress.bar(plain=True) == "#" * 20
