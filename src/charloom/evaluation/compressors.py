"""Bits that xz and zstd need for a text that follows another text.

Both run at their strongest levels, and may refer to every byte of the first text. Checksums are
left out, and so are headers, except for the 5 bytes that zstd writes even for an empty text.
"""

import lzma

_MIN_XZ_DICTIONARY, _MAX_XZ_DICTIONARY = 1 << 12, 3 << 29
"""Limits of liblzma, in bytes."""
_ZSTD_LEVEL = 19
"""The strongest level that the zstd program accepts without --ultra."""
_MIN_ZSTD_DICTIONARY = 8
"""zstd ignores shorter ones, in bytes."""
_ZSTD_MAGIC_BYTES = 4
"""The identification of the format at the start of a frame."""


def xz_bits(training: bytes, test: bytes) -> int:
    """Return the bits that xz -9e needs for ``test`` after ``training``.

    They are the difference of two outputs: with ``test`` and without it. The dictionary is as large
    as both texts. Compression needs about 11 times its memory.
    """
    size = _clamp(len(training) + len(test), _MIN_XZ_DICTIONARY, _MAX_XZ_DICTIONARY)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}]
    both, training_only = (
        len(lzma.compress(text, format=lzma.FORMAT_RAW, filters=filters))
        for text in (training + test, training)
    )
    return 8 * (both - training_only)


def zstd_bits(training: bytes, test: bytes) -> int:
    """Return the bits that zstd -19 needs for ``test`` after ``training``.

    ``training`` is the dictionary. Window and tables are as large as both texts; by default, level
    19 has a window of 8 MiB. Long distance matching is off: it helps only if the tables are smaller
    than the text.
    """
    from charloom.data.zstd import zstd

    parameter = zstd.CompressionParameter
    dictionary = None
    if len(training) >= _MIN_ZSTD_DICTIONARY:
        dictionary = zstd.ZstdDict(training, is_raw=True).as_undigested_dict
    log = (len(training) + len(test)).bit_length()
    compressor = zstd.ZstdCompressor(
        options={
            parameter.compression_level: _ZSTD_LEVEL,
            parameter.window_log: _clamp(log, *parameter.window_log.bounds()),
            # The binary tree of this level has two entries for each byte.
            parameter.chain_log: _clamp(log + 1, *parameter.chain_log.bounds()),
            parameter.hash_log: _clamp(log, *parameter.hash_log.bounds()),
            parameter.content_size_flag: False,
            parameter.checksum_flag: False,
            parameter.dict_id_flag: False,
        },
        zstd_dict=dictionary,
    )
    frame = compressor.compress(test, mode=compressor.FLUSH_FRAME)
    return 8 * (len(frame) - _ZSTD_MAGIC_BYTES)


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)
