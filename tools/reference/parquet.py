"""Parquet files as pyarrow writes them, in every packing and kind of page that the reader takes.

Command: python tools/reference/parquet.py      (from the repository's root)
Versions: pyarrow 26.0.1, Pillow 13.0.0.
Writes packages/data/test/fixtures/parquet/<name>.parquet. Row r of 40 has in `image` a PNG of one colour, (5 + r %
3)×(4 + r % 7) pixels of red r, green 2r, blue 3r (r = 7 is null); in `label` r % 4 with names in the hub's notes (r = 9
is null); row groups of 16 rows.
"""

import io
import json
import os

import pyarrow
import pyarrow.parquet
from PIL import Image

ROWS = 40
folder = "packages/data/test/fixtures/parquet"


def png(row):
    buffer = io.BytesIO()
    Image.new("RGB", (4 + row % 7, 5 + row % 3), (row, 2 * row, 3 * row)).save(buffer, "PNG")
    return buffer.getvalue()


image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
features = {
    "image": {"_type": "Image"},
    "label": {"names": ["ant", "bee", "cat", "dog"], "_type": "ClassLabel"},
}
table = pyarrow.table(
    {
        "image": pyarrow.array(
            [None if row == 7 else {"bytes": png(row), "path": f"{row}.png"} for row in range(ROWS)], image
        ),
        "label": pyarrow.array([None if row == 9 else row % 4 for row in range(ROWS)], pyarrow.int64()),
    }
).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})

deltas = {"image.bytes": "DELTA_LENGTH_BYTE_ARRAY", "label": "DELTA_BINARY_PACKED"}
files = {
    "snappy": {"compression": "snappy"},
    "none": {"compression": "none", "use_dictionary": False},
    "gzip": {"compression": "gzip", "use_dictionary": False},
    "zstd": {"compression": "zstd", "data_page_version": "2.0"},
    "brotli": {"compression": "brotli", "use_dictionary": ["label"], "data_page_version": "2.0"},
    "lz4": {"compression": "lz4", "use_dictionary": False},
    "deltas": {"compression": "snappy", "use_dictionary": False, "column_encoding": deltas},
}
os.makedirs(folder, exist_ok=True)
for name, options in files.items():
    path = f"{folder}/{name}.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=16, data_page_size=256, write_batch_size=4, **options)
