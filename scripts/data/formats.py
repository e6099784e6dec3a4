"""The few file formats that the sample data come in and go out as, with nothing but Python's own library."""
import ast
import gzip
import math
import struct
import sys
import zipfile
import zlib
from array import array


def read_nrrd(path):
    """A three-dimensional NRRD file with its data attached: (fields, voxel array, fastest axis first)."""
    head, separator, data = path.read_bytes().partition(b"\n\n")
    if not separator or not head.startswith(b"NRRD"):
        raise ValueError(f"{path}: not a NRRD file with attached data")
    fields = {}
    for line in head.decode("utf-8").splitlines()[1:]:
        if line.startswith("#"):
            continue
        key, _, value = line.partition(":=" if ":=" in line else ":")
        fields[key.strip()] = value.strip()
    code = {"int": "i", "unsigned char": "B", "short": "h"}[fields["type"]]
    voxels = array(code)
    voxels.frombytes(gzip.decompress(data) if fields["encoding"] == "gzip" else data)
    if fields.get("endian", sys.byteorder) != sys.byteorder:
        voxels.byteswap()
    if len(voxels) != math.prod(nrrd_sizes(fields)):
        raise ValueError(f"{path}: holds {len(voxels)} voxels, not those of its sizes {fields['sizes']}")
    return fields, voxels


def nrrd_sizes(fields):
    return [int(n) for n in fields["sizes"].split()]


def nrrd_affine(fields):
    """Voxel index -> millimetres, right-anterior-superior, as three rows of four."""
    if fields["space"] != "left-posterior-superior":
        raise ValueError(f"space {fields['space']} is not left-posterior-superior")
    vectors = [ast.literal_eval(part) for part in fields["space directions"].split()]
    origin = ast.literal_eval(fields["space origin"])
    to_ras = (-1.0, -1.0, 1.0)
    return [[to_ras[row] * vector[row] for vector in vectors] + [to_ras[row] * origin[row]] for row in range(3)]


def write_nifti(path, sizes, affine, voxels):
    """NIfTI-1, gzip. `voxels` is an array of type B (uint8) or h (int16); the affine becomes the sform."""
    code, bits = {"B": (2, 8), "h": (4, 16)}[voxels.typecode]
    spacing = [math.sqrt(sum(affine[row][axis] ** 2 for row in range(3))) for axis in range(3)]
    header = struct.pack(
        "<i10s18sihBB8h3f4h8f3fhBB4f2i80s24s2h6f12f16s4s4x",
        348, b"", b"", 0, 0, ord("r"), 0,                    # sizeof_hdr .. dim_info
        3, *sizes, 1, 1, 1, 1,                               # dim
        0, 0, 0, 0, code, bits, 0,                           # intent_p, intent_code, datatype, bitpix, slice_start
        1, *spacing, 0, 0, 0, 0,                             # pixdim
        352, 1, 0, 0, 0, 2,                                  # vox_offset, scl, slice_end, slice_code, units (mm)
        0, 0, 0, 0, 0, 0, b"", b"",                          # cal .. aux_file
        0, 2, 0, 0, 0, 0, 0, 0,                              # qform_code, sform_code (aligned), quaternion
        *affine[0], *affine[1], *affine[2], b"", b"n+1\0")
    if sys.byteorder != "little":
        voxels = array(voxels.typecode, voxels)
        voxels.byteswap()
    path.write_bytes(gzip.compress(header + voxels.tobytes(), mtime=0))


def read_npz(path):
    """The one integer image of a .npz file: (height, width, row-major array)."""
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        data = archive.read(name)
    if data[:6] != b"\x93NUMPY" or data[6] != 1:
        raise ValueError(f"{path}: {name} is not a version 1 .npy file")
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:10 + length].decode("latin1"))
    if header["descr"] != "<i4" or header["fortran_order"] or len(header["shape"]) != 2:
        raise ValueError(f"{path}: not a row-major int32 image but {header}")
    pixels = array("i")
    pixels.frombytes(data[10 + length:])
    if sys.byteorder != "little":
        pixels.byteswap()
    return *header["shape"], pixels


def write_grey_png(path, height, width, pixels, bits):
    """Grey PNG of 8 or 16 bits."""
    rows = array("B" if bits == 8 else "H", pixels)
    if bits == 16 and sys.byteorder == "little":
        rows.byteswap()
    data = rows.tobytes()
    stride = width * bits // 8
    lines = b"".join(b"\0" + data[row * stride:(row + 1) * stride] for row in range(height))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))
