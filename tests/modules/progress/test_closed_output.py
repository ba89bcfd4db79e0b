import os

import pytest

from charloom.progress.closed_output import redirect_to_devnull, tolerate_closed_stderr


def test_stream_whose_reader_is_gone_can_be_written_after_the_redirection() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            print("lost", file=stream, flush=True)
        redirect_to_devnull(stream)
        print("discarded", file=stream, flush=True)


def test_error_of_a_closed_standard_error_is_suppressed_and_later_output_discarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        os.close(reader)
        monkeypatch.setattr("sys.stderr", stream)
        for text in ("lost", "discarded"):
            with tolerate_closed_stderr():
                print(text, file=stream, flush=True)
        print("discarded without a guard", file=stream, flush=True)


def test_other_errors_are_raised() -> None:
    with pytest.raises(ValueError, match="wrong"), tolerate_closed_stderr():
        raise ValueError("wrong")
