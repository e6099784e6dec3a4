"""Small files by writers that are not ours, and what readers that are not ours find in them and in real DICOM files.

Use: readers.py PACKAGES FOLDER     PACKAGES: where scripts/test_files put pydicom, pydicom-data and slicerio; FOLDER: tests/golden/readers
Made with pydicom 3.0.2, pylibjpeg-libjpeg 2.5.0, SimpleITK 2.5.7, pynrrd 1.1.3, nibabel 5.4.2, scipy 1.17.1, h5py 3.16.0,
Pillow 13.0.0, numpy 2.4.6. Writes the files and expected.json: shape, type, CRC-32 of the values in C order, and some
of the values. All pictures are made of noise and ramps here; no file of a patient is copied.
"""
import gzip
import json
import shutil
import sys
import zlib
from pathlib import Path

import h5py
import nibabel
import nrrd
import numpy as np
import pydicom
import SimpleITK as sitk
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scipy.io import savemat

packages, folder = Path(sys.argv[1]), Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(6)
cases = []
TYPES = {"uint16": "int32", "uint32": "int64", "uint64": "int64", "float16": "float32"}


def case(file, call, values, tolerance=0, affine=None, **more):
    values = np.ascontiguousarray(values)
    if call == "raster" and values.dtype != np.uint8:
        values = values.astype(np.int32)
    if call == "label":
        values = values.astype(np.int32)
    if call == "volume":
        values = values.astype(np.float32)
    if call == "array":
        values = values.astype(TYPES.get(str(values.dtype), str(values.dtype)))
    flat = values.reshape(-1)
    step = max(1, flat.size // 40)
    out = {"file": file, "call": call, "shape": list(values.shape), "type": str(values.dtype), "step": step,
           "samples": [float(v) for v in flat[::step]], "tolerance": tolerance, **more}
    if tolerance == 0:
        out["crc32"] = zlib.crc32(values.tobytes())
    if affine is not None:
        out["affine"] = [[float(v) for v in row] for row in np.asarray(affine)[:3]]
    cases.append(out)


def colours(picture):
    picture = np.asarray(picture)
    return picture[:, :, None] if picture.ndim == 2 else picture


def rasters():
    grey = random.integers(0, 256, (11, 13), dtype=np.uint8)
    rgb = random.integers(0, 256, (11, 13, 3), dtype=np.uint8)
    deep = random.integers(0, 65536, (11, 13), dtype=np.uint16)
    index = random.integers(0, 5, (11, 13), dtype=np.uint8)
    palette = [0, 0, 0, 255, 0, 10, 0, 200, 0, 0, 30, 255, 90, 90, 91]
    indexed = Image.fromarray(index, "P")
    indexed.putpalette(palette)
    bits = Image.fromarray((grey > 127).astype(np.uint8) * 255).convert("1")
    for name, picture in {"grey": Image.fromarray(grey), "rgb": Image.fromarray(rgb), "palette": indexed, "bits": bits,
                          "rgba": Image.fromarray(np.dstack([rgb, grey]))}.items():
        picture.save(folder / f"{name}.bmp")
        shown = picture.convert("RGB" if name in ("palette", "rgb", "rgba") else "L")
        case(f"{name}.bmp", "raster", colours(shown))
    case("palette.bmp", "label", index)
    indexed.save(folder / "palette.gif")
    Image.fromarray(grey).save(folder / "grey.gif")
    frames = [Image.fromarray(np.roll(grey, i, 0)) for i in range(3)]
    frames[0].save(folder / "frames.gif", save_all=True, append_images=frames[1:])
    indexed.save(folder / "interlaced.gif", interlace=True)
    for name in ("palette", "grey", "frames", "interlaced"):
        with Image.open(folder / f"{name}.gif") as picture:
            case(f"{name}.gif", "raster", colours(picture.convert("L" if name in ("grey", "frames") else "RGB")))
    case("palette.gif", "label", np.asarray(Image.open(folder / "palette.gif")))
    Image.fromarray(grey).save(folder / "grey.pgm")
    Image.fromarray(rgb).save(folder / "rgb.ppm")
    bits.save(folder / "bits.pbm")
    Image.fromarray(deep).save(folder / "deep.pgm")
    case("grey.pgm", "raster", colours(grey))
    case("rgb.ppm", "raster", rgb)
    case("bits.pbm", "raster", colours(bits.convert("L")))
    case("deep.pgm", "raster", colours(deep))
    case("deep.pgm", "label", deep)
    for name in ("rgb.ppm", "palette.bmp"):
        with gzip.GzipFile(folder / f"{name}.gz", "wb", mtime=0) as out:
            out.write((folder / name).read_bytes())
    case("rgb.ppm.gz", "raster", rgb)
    case("palette.bmp.gz", "label", index)
    pages = [Image.fromarray(np.roll(deep, i, 1)) for i in range(3)]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    for i in range(3):
        case("pages.tif", "raster", colours(np.roll(deep, i, 1)), page=i, pages=3)


def itk_affine(image):
    """Index -> mm, to the patient's right, anterior and superior."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return np.diag([-1, -1, 1, 1]) @ affine


def from_itk(path):
    image = sitk.ReadImage(str(path))
    return np.transpose(sitk.GetArrayFromImage(image), (2, 1, 0)), itk_affine(image)


def volumes():
    values = random.integers(-1000, 2000, (4, 6, 5), dtype=np.int16)  # K, J, I as ITK takes it
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    for name, kind in (("short", np.int16), ("real", np.float64), ("byte", np.uint8)):
        image = sitk.GetImageFromArray(values.astype(kind))
        image.SetSpacing((0.7, 0.9, 2.5))
        image.SetOrigin((-12.5, 30.0, 7.25))
        image.SetDirection(turn.reshape(-1).tolist())
        for ending in ("mha", "mhd", "nrrd", "nii.gz"):
            packed = name != "real"
            sitk.WriteImage(image, str(folder / f"{name}.{ending}"), useCompression=packed)
            found, affine = from_itk(folder / f"{name}.{ending}")
            case(f"{name}.{ending}", "volume", found, affine=affine, affine_tolerance=1e-4)
    # As PS-FH-AOP has them: three slices that are red, green, blue, and labels of one.
    three = random.integers(0, 256, (3, 7, 9), dtype=np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(three), str(folder / "colours.mha"))
    case("colours.mha", "raster", np.transpose(three, (1, 2, 0)))
    sitk.WriteImage(sitk.GetImageFromArray(three[0] % 3), str(folder / "labels.mha"))
    case("labels.mha", "label", three[0] % 3)
    sitk.WriteImage(sitk.GetImageFromArray(np.transpose(three, (1, 2, 0)), isVector=True), str(folder / "vector.mha"))
    case("vector.mha", "raster", np.transpose(three, (1, 2, 0)))
    big = values.transpose(2, 1, 0)
    header = {"space": "left-posterior-superior", "space directions": [[0.5, 0, 0], [0, 0.5, 0.1], [0, 0, 3.0]],
              "space origin": [1.0, -2.0, 3.5]}
    lps = np.diag([-1.0, -1, 1, 1]) @ np.array([[0.5, 0, 0, 1], [0, 0.5, 0, -2], [0, 0.1, 3, 3.5], [0, 0, 0, 1]])
    for encoding in ("raw", "gzip", "ascii"):
        nrrd.write(str(folder / f"{encoding}.nrrd"), big, {**header, "encoding": encoding})
        case(f"{encoding}.nrrd", "volume", nrrd.read(str(folder / f"{encoding}.nrrd"))[0], affine=lps)
    nrrd.write(str(folder / "apart.nhdr"), big, {**header, "encoding": "gzip"}, detached_header=True)
    case("apart.nhdr", "volume", big, affine=lps)
    nrrd.write(str(folder / "big.nrrd"), big.astype(">i2"), {**header, "space": "RAS", "encoding": "raw"})
    case("big.nrrd", "volume", big, affine=np.diag([-1.0, -1, 1, 1]) @ lps)
    layers = np.stack([big, big + 1])
    nrrd.write(str(folder / "layers.nrrd"), layers, {"space": "RAS", "kinds": ["list", "domain", "domain", "domain"],
               "space directions": np.array([[np.nan] * 3, [1, 0, 0], [0, 1, 0], [0, 0, 1]]), "space origin": [0, 0, 0],
               "encoding": "gzip"})
    case("layers.nrrd", "volume", layers[1], affine=np.eye(4), channel=1)
    four = random.normal(size=(3, 4, 5, 2)).astype(np.float32)
    affine = np.array([[0, -2, 0, 5], [1.5, 0, 0, -3], [0, 0, 4, 2], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti1Image(four, affine), folder / "four.nii.gz")
    nibabel.save(nibabel.Nifti2Image(big, affine), folder / "second.nii")
    case("four.nii.gz", "volume", four[..., 1], affine=affine, channel=1)
    case("second.nii", "volume", big, affine=affine)


def arrays():
    inst = random.integers(0, 300, (7, 5)).astype(np.float64)
    kinds = random.integers(0, 4, (7, 5)).astype(np.uint8)
    everything = {"inst_map": inst, "type_map": kinds, "deep": (inst * 100).astype(np.uint16), "cube": inst.reshape(7, 5, 1) + np.arange(3),
                  "mask": inst > 100, "small": -inst.astype(np.int32), "single": inst.astype(np.float32)}
    extra = {"words": "a text", "cell": np.array([{}, 1], dtype=object), "s": {"a": 1.0}, "wave": inst + 1j}
    for name, packed in (("plain.mat", False), ("packed.mat", True)):
        savemat(folder / name, {**everything, **extra}, do_compression=packed)
        for variable, values in everything.items():
            case(name, "array", values, variable=variable)
    # MATLAB 7.3: a text of 512 bytes, then HDF5 with the axes reversed and the class as an attribute.
    with h5py.File(folder / "new.mat", "w", userblock_size=512) as out:
        for variable, values in everything.items():
            data = out.create_dataset(variable, data=np.asarray(values, order="C").T.astype(np.uint8 if variable == "mask" else values.dtype),
                                      compression="gzip" if variable == "cube" else None)
            kind = {"float64": "double", "float32": "single", "bool": "logical"}.get(str(values.dtype), str(values.dtype))
            data.attrs["MATLAB_class"] = np.bytes_(kind)
        text = out.create_dataset("words", data=np.frombuffer("a text".encode("utf-16-le"), np.uint16)[:, None])
        text.attrs["MATLAB_class"] = np.bytes_("char")
    raw = bytearray((folder / "new.mat").read_bytes())
    raw[:128] = b"MATLAB 7.3 MAT-file, made by h5py".ljust(124) + b"\x00\x02IM"
    (folder / "new.mat").write_bytes(raw)
    for variable, values in everything.items():
        case("new.mat", "array", values, variable=variable)
    with h5py.File(folder / "slices.h5", "w") as out:
        out.create_dataset("image", data=inst.astype(np.float16))
        out.create_dataset("group/label", data=kinds > 1, compression="gzip", shuffle=True, chunks=(2, 5))
        out.create_dataset("wide", data=inst.astype(np.uint32))
    case("slices.h5", "array", inst.astype(np.float16), variable="image")
    case("slices.h5", "array", kinds > 1, variable="group/label")
    case("slices.h5", "array", (kinds > 1)[2:5], variable="group/label", first=2, count=3)
    case("slices.h5", "array", inst.astype(np.uint32), variable="wide")
    np.save(folder / "columns.npy", np.asfortranarray(everything["cube"]))
    np.save(folder / "rows.npy", everything["deep"].astype(">u2"))
    case("columns.npy", "array", everything["cube"])
    case("columns.npy", "array", everything["cube"][3:5], first=3, count=2)
    case("rows.npy", "array", everything["deep"])
    case("rows.npy", "array", everything["deep"][5:], first=5)
    for name, save in (("stored.npz", np.savez), ("deflated.npz", np.savez_compressed)):
        save(folder / name, imgs=everything["cube"].astype(np.uint8), gts=kinds, spacing=np.array([0.5, 0.5, 2.0]), half=inst.astype(np.float16),
             objects=np.array([{}], dtype=object))
        for variable, values in {"imgs": everything["cube"].astype(np.uint8), "gts": kinds, "spacing": np.array([0.5, 0.5, 2.0]),
                                 "half": inst.astype(np.float16)}.items():
            case(name, "array", values, variable=variable)
        case(name, "array", kinds[2:4], variable="gts", first=2, count=2)


def dicom_file(path, pixels, sop, **fields):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
    data.PatientName, data.PatientID, data.StudyDate = "Nobody^Never", "none", "19000101"
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit = 15
    for name, value in fields.items():
        setattr(data, name, value)
    data.PixelData = pixels
    data.save_as(path, enforce_file_format=True)


def dicom_series():
    row, column = np.array([0.8, 0.6, 0.0]), np.array([0.0, 0.0, -1.0])
    normal = np.cross(row, column)
    stored = random.integers(0, 4096, (5, 6, 8), dtype=np.uint16)
    place = folder / "series"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for k, name in enumerate(["e", "b", "d", "a", "c"]):  # not in the order of places
        position = np.array([10.0, -20.0, 5.0]) + 2.5 * k * normal
        dicom_file(place / f"{name}.dcm", stored[k].tobytes(), "1.2.840.10008.5.1.4.1.1.2", Modality="CT", Rows=6, Columns=8,
                   SeriesInstanceUID="1.2.3.4", SeriesNumber=3, InstanceNumber=9 - k, PixelSpacing=[0.75, 0.5],
                   ImagePositionPatient=[float(v) for v in position], SliceThickness=2.5,
                   ImageOrientationPatient=[*row, *column], RescaleSlope=2.0, RescaleIntercept=-1024.0, WindowCenter=40, WindowWidth=401)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(place)))
    image = reader.Execute()
    affine = itk_affine(image)
    case("series", "volume", np.transpose(sitk.GetArrayFromImage(image), (2, 1, 0)), affine=affine, modality="CT",
         window=[-160.5, 239.5], affine_tolerance=1e-4)


def segmentation():
    masks = random.integers(0, 2, (2, 4, 5, 8), dtype=np.uint8)  # segment, slice, row, column
    masks[1] &= 1 - masks[0]
    expected = masks[0] + 2 * masks[1]
    frames, bits = [], []
    for segment in range(2):
        for k in range(4):
            if segment == 0 and k == 2:  # such files leave out what is empty
                expected[k] = 2 * masks[1][k]
                continue
            frame = Dataset()
            where, which = Dataset(), Dataset()
            where.ImagePositionPatient = [-4.0, 3.0, 10.0 + 1.5 * k]
            which.ReferencedSegmentNumber = segment + 1
            frame.PlanePositionSequence, frame.SegmentIdentificationSequence = Sequence([where]), Sequence([which])
            frames.append(frame)
            bits.append(masks[segment, k].reshape(-1))
    turn, measures, shared = Dataset(), Dataset(), Dataset()
    turn.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SpacingBetweenSlices, measures.SliceThickness = [0.5, 0.6], 1.5, 1.5
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([turn]), Sequence([measures])
    packed = np.packbits(np.concatenate(bits), bitorder="little").tobytes()
    dicom_file(folder / "segments.dcm", packed + b"\0" * (len(packed) % 2), "1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG", Rows=5, Columns=8,
               NumberOfFrames=len(frames), BitsAllocated=1, BitsStored=1, HighBit=0, SegmentationType="BINARY",
               PerFrameFunctionalGroupsSequence=Sequence(frames), SharedFunctionalGroupsSequence=Sequence([shared]))
    affine = np.array([[-0.6, 0, 0, 4], [0, -0.5, 0, -3], [0, 0, 1.5, 10]])
    case("segments.dcm", "volume", np.transpose(expected, (2, 1, 0)), affine=affine, modality="SEG")


def windowed(values, data):
    def first(value):
        return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)
    c, w = first(data.WindowCenter), first(data.WindowWidth)
    return np.clip((values.astype(np.float64) - (c - 0.5)) / (w - 1) + 0.5, 0, 1)


def shown(file, frame=0):
    """The picture as PS3.3 C.11 shows it, by pydicom's decoders."""
    data = pydicom.dcmread(file)
    pixels = data.pixel_array
    if int(data.get("NumberOfFrames", 1)) > 1:
        pixels = pixels[frame]
    kind = data.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        rgb = pydicom.pixels.apply_color_lut(pixels, data)
        return (rgb >> 8).astype(np.uint8) if rgb.dtype == np.uint16 else rgb
    if data.SamplesPerPixel == 3:
        if pixels.dtype != np.uint8:
            return pixels
        raw = pydicom.pixels.pixel_array(file, raw=False)
        return raw[frame] if raw.ndim == 4 else raw
    values = apply_modality_lut(pixels, data)
    if "WindowCenter" in data and "WindowWidth" in data:
        part, top = windowed(values, data), 255
    elif "VOILUTSequence" in data:
        table = pydicom.pixels.apply_voi(values, data)
        part, top = table / (2.0 ** data.VOILUTSequence[0].LUTDescriptor[2] - 1), 255
    elif data.BitsAllocated == 8 and data.PixelRepresentation == 0 and "RescaleSlope" not in data:
        part, top = values / 255.0, 255
    else:
        low, high = float(values.min()), float(values.max())
        part, top = (values - low) / max(high - low, 1), 65535
    if kind == "MONOCHROME1":
        part = 1 - part
    whole = np.floor(part * top + 0.5)
    return colours(whole.astype(np.uint8 if top == 255 else np.int32))


def real_dicom():
    """Pictures, and by how many grey levels decoders and roundings may differ."""
    pictures = {
        "pydicom/CT_small.dcm": 1, "pydicom/MR_small.dcm": 1, "pydicom/MR_small_RLE.dcm": 1, "pydicom/MR_small_bigendian.dcm": 1,
        "pydicom/MR_small_implicit.dcm": 1, "pydicom/MR_small_expb.dcm": 1, "pydicom/MR_small_jpeg_ls_lossless.dcm": 1,
        "pydicom/MR_small_padded.dcm": 1, "pydicom/image_dfl.dcm": 0, "pydicom/JPGExtended.dcm": 3,
        "pydicom/examples_palette.dcm": 0, "pydicom/examples_rgb_color.dcm": 0, "pydicom/examples_ybr_color.dcm": 2,
        "pydicom/SC_rgb_rle.dcm": 0, "pydicom/SC_rgb_rle_16bit.dcm": 0, "pydicom/SC_rgb_rle_2frame.dcm": 0,
        "pydicom/SC_ybr_full_422_uncompressed.dcm": 2, "pydicom/SC_rgb_jpeg_dcmtk.dcm": 3, "pydicom/SC_rgb_small_odd.dcm": 0,
        "pydicom/SC_rgb_small_odd_big_endian.dcm": 0, "pydicom/SC_rgb_jls_lossy_line.dcm": 2, "pydicom/SC_rgb_jls_lossy_sample.dcm": 2,
        "pydicom/examples_overlay.dcm": 1, "pydicom/JPEGLSNearLossless_16.dcm": 1,
        "pydicom-data/JPGLosslessP14SV1_1s_1f_8b.dcm": 0, "pydicom-data/JPEG-LL.dcm": 1,
        "pydicom-data/SC_ybr_full_uncompressed.dcm": 2, "pydicom-data/color-pl.dcm": 0, "pydicom-data/color-px.dcm": 0,
        "pydicom-data/mlut_18.dcm": 1, "pydicom-data/vlut_04.dcm": 1, "pydicom-data/693_UNCR.dcm": 1,
        "pydicom-data/OBXXXX1A_rle.dcm": 0, "pydicom-data/SC_rgb_expb_16bit.dcm": 0,
    }
    for name, tolerance in pictures.items():
        try:
            values = shown(packages / name)
        except Exception as error:  # said, not hidden: the list above is to be right
            print(name, type(error).__name__, error)
            continue
        case(name, "raster", values, tolerance=tolerance)
    case("pydicom/SC_rgb_rle_2frame.dcm", "raster", shown(packages / "pydicom/SC_rgb_rle_2frame.dcm", 1), page=1, pages=2)
    for name in ("pydicom/CT_small.dcm", "pydicom/MR_small.dcm", "pydicom-data/emri_small.dcm", "pydicom-data/emri_small_RLE.dcm",
                 "pydicom-data/emri_small_jpeg_ls_lossless.dcm", "pydicom-data/emri_small_big_endian.dcm"):
        data = pydicom.dcmread(packages / name)
        values = apply_modality_lut(data.pixel_array, data)
        values = values if values.ndim == 3 else values[None]
        case(name, "volume", np.transpose(values, (2, 1, 0)), modality=str(data.Modality))
    for name in ("pydicom/CT_small.dcm",):
        found, affine = from_itk(packages / name)
        case(name, "volume", found, affine=affine, modality="CT", affine_tolerance=1e-3)
    data = pydicom.dcmread(packages / "pydicom-data/liver.dcm")
    values = np.transpose(data.pixel_array * int(data.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber),
                          (2, 1, 0))
    places = [float(f.PlanePositionSequence[0].ImagePositionPatient[2]) for f in data.PerFrameFunctionalGroupsSequence]
    case("pydicom-data/liver.dcm", "volume", values[:, :, np.argsort(places)], modality="SEG")
    for name in ("slicerio/CTChest4.nrrd", "slicerio/Segmentation.seg.nrrd"):
        values, header = nrrd.read(str(packages / name))
        lps = np.eye(4)
        lps[:3, :3], lps[:3, 3] = np.array(header["space directions"], float)[-3:].T, header["space origin"]
        case(name, "volume", values, affine=np.diag([-1, -1, 1, 1]) @ lps)


def corpus():
    """Seeds of the fuzz targets."""
    fuzz = folder.parent.parent / "fuzz/corpus"
    targets = {
        "bmp": ["grey.bmp", "rgb.bmp", "palette.bmp", "bits.bmp", "rgba.bmp"], "gif": ["grey.gif", "palette.gif", "interlaced.gif", "frames.gif"],
        "pnm": ["grey.pgm", "rgb.ppm", "bits.pbm", "deep.pgm"], "nifti": ["second.nii"],
        "volumes": ["raw.nrrd", "gzip.nrrd", "ascii.nrrd", "layers.nrrd", "big.nrrd", "short.mha", "real.mha", "vector.mha", "colours.mha"],
        "arrays": ["plain.mat", "packed.mat", "columns.npy", "rows.npy", "stored.npz", "deflated.npz"],
    }
    for target, names in targets.items():
        (fuzz / target).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(folder / name, fuzz / target / f"good_{name.replace('.', '_')}")
    runs = bytes([2, 1, 0, 3, 0, 1, 2, 0, 0, 0, 2, 2, 0, 2, 1, 0, 0, 1])
    packed = lambda bits, kind, data: (b"BM" + (54 + 4 * 2 ** bits + len(data)).to_bytes(4, "little") + bytes(4) + (54 + 4 * 2 ** bits).to_bytes(4, "little") +
                                       b"".join(v.to_bytes(4, "little") for v in (40, 5, 3)) + b"\1\0" + bytes([bits, 0]) +
                                       b"".join(v.to_bytes(4, "little") for v in (kind, len(data), 0, 0, 0, 0)) + bytes(4 * 2 ** bits) + data)
    (fuzz / "bmp/good_runs8").write_bytes(packed(8, 1, runs))
    (fuzz / "bmp/good_runs4").write_bytes(packed(4, 2, bytes([5, 18, 0, 0, 2, 51, 0, 1])))
    (fuzz / "bmp/bad_run_past_edge").write_bytes(packed(8, 1, bytes([9, 1, 0, 1])))
    (fuzz / "pnm/bad_huge").write_bytes(b"P6 20000 13000 255\n")
    (fuzz / "pnm/good_text").write_bytes(b"P2 # words\n2 2 9\n0 1\n8 9")
    (fuzz / "pnm/good_bits").write_bytes(b"P1 3 2\n101\n0 1 0")
    (fuzz / "volumes/bad_bomb").write_bytes(b"NRRD0004\ntype: double\ndimension: 3\nsizes: 1000 1000 2000\nencoding: gzip\n\nx")
    (fuzz / "arrays/bad_bomb").write_bytes(b"\x93NUMPY\1\0\x40\0{'descr': '<f8', 'fortran_order': False, 'shape': (90000, 5000)}".ljust(74))


rasters()
volumes()
arrays()
dicom_series()
segmentation()
real_dicom()
corpus()
(folder / "expected.json").write_text("[\n" + ",\n".join(json.dumps(c, allow_nan=False) for c in cases) + "\n]\n")
print(len(cases), "cases,", sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()), "bytes")
