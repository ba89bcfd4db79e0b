"""What general compressors need for a text when they know another: xz and zstd at their strongest.

Both may refer to every byte of the known text. No checksum is counted, and of headers the 5
bytes that zstd has even around nothing.
"""

import lzma

_MIN_XZ_DICTIONARY, _MAX_XZ_DICTIONARY = 1 << 12, 3 << 29
"""The smallest and the largest dictionary of xz, in bytes."""
_ZSTD_LEVEL = 19
"""The strongest level of zstd for which no one must ask twice."""


def xz_bits(training: bytes, test: bytes) -> int:
    """Return by how many bits ``training`` as packed by xz -9e grows when ``test`` follows it.

    The dictionary of xz is as large as both; packing takes about 11 times its memory.
    """
    size = min(max(len(training) + len(test), _MIN_XZ_DICTIONARY), _MAX_XZ_DICTIONARY)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}]
    both, alone = (
        len(lzma.compress(text, format=lzma.FORMAT_RAW, filters=filters))
        for text in (training + test, training)
    )
    return 8 * (both - alone)


def zstd_bits(training: bytes, test: bytes) -> int:
    """Return the bits of ``test`` as packed by zstd -19 with ``training`` as its dictionary.

    Window and tables are as large as both, where level 19 alone would see the last 8 MB. Long
    distance matching is for tables that are smaller than the text, and changes nothing here.
    """
    import zstandard

    log = (len(training) + len(test)).bit_length()
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _ZSTD_LEVEL,
        window_log=_clamp(log, zstandard.WINDOWLOG_MIN, zstandard.WINDOWLOG_MAX),
        # The binary tree of this level has two entries for each byte.
        chain_log=_clamp(log + 1, zstandard.CHAINLOG_MIN, zstandard.CHAINLOG_MAX),
        hash_log=_clamp(log, zstandard.HASHLOG_MIN, zstandard.HASHLOG_MAX),
        format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        write_content_size=False,
        write_checksum=False,
        write_dict_id=False,
    )
    dictionary = zstandard.ZstdCompressionDict(training, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    packer = zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters)
    return 8 * len(packer.compress(test))


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)
