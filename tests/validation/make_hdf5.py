"""Makes the files of tests/validation/folders/hdf5/ with h5py 3.16 (HDF5 2.0).

Not run by the tests. To renew the files: `python tests/validation/make_hdf5.py` in an environment with h5py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

HERE = Path(__file__).parent / "folders" / "hdf5"
NUMBERS = np.arange(12.0).reshape(3, 4)


def fill(file: Any, *, ordered: bool) -> None:
    """Write what models have: groups, arrays with and without filters, and attributes with texts and numbers."""
    file.attrs["keras_version"] = "3.15.0"
    file.attrs["layers"] = np.array([b"one", b"three"])
    file.attrs["names"] = ["dense", "dropout"]
    file.attrs["empty"] = h5py.Empty("S1")
    file.attrs["rate"] = 0.5
    layers = file.create_group("layers", track_order=ordered)
    layers.create_dataset("kernel", data=NUMBERS, track_order=ordered).attrs["unit"] = "none"
    layers.create_dataset("packed", data=NUMBERS, chunks=(3, 2), compression="gzip", shuffle=True, fletcher32=True)
    layers.create_dataset("quick", data=NUMBERS, chunks=(3, 4), compression="lzf")
    layers.create_dataset("small", data=np.int64(3))
    for number in range(6):  # more attributes than the first block of the header has room for
        layers["kernel"].attrs[f"note{number}"] = "x" * 40
    layers["again"] = layers["kernel"]


def main() -> None:
    """Write every file."""
    for name, version in (("old", "earliest"), ("new", ("v110", "v110"))):
        with h5py.File(HERE / f"{name}.h5", "w", libver=version) as file:
            fill(file, ordered=False)
        with h5py.File(HERE / f"{name}_ordered.h5", "w", libver=version, track_order=True) as file:
            fill(file, ordered=True)
        with h5py.File(HERE / f"{name}_soft_link.h5", "w", libver=version) as file:
            file["there"] = h5py.SoftLink("/layers")
        with h5py.File(HERE / f"{name}_external_link.h5", "w", libver=version) as file:
            file["there"] = h5py.ExternalLink("/etc/passwd", "/")
        with h5py.File(HERE / f"{name}_external_data.h5", "w", libver=version) as file:
            file.create_dataset("there", (4,), "i1", external=[("/etc/passwd", 0, 4)])
        with h5py.File(HERE / f"{name}_shared_type.h5", "w", libver=version) as file:
            file["kind"] = np.dtype("f8")
            file.attrs.create("rate", 0.5, dtype=file["kind"])
        with h5py.File(HERE / f"{name}_array_attribute.h5", "w", libver=version) as file:
            file.attrs.create("pair", np.zeros(2, "i4"), dtype=np.dtype(("i4", (2,))))
        with h5py.File(HERE / f"{name}_many_attributes.h5", "w", libver=version) as file:
            for number in range(12):
                file.attrs[f"note{number}"] = "x"
        with h5py.File(HERE / f"{name}_many_groups.h5", "w", libver=version) as file:
            for number in range(40):
                file.create_group(f"group{number}")
    with h5py.File(HERE / "newest.h5", "w", libver="latest") as file:
        fill(file, ordered=False)
    layout = h5py.VirtualLayout((4,), "i1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "there", (4,))
    with h5py.File(HERE / "new_virtual.h5", "w", libver=("v110", "v110")) as file:
        file.create_virtual_dataset("there", layout)


if __name__ == "__main__":
    main()
