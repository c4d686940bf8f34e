#!/usr/bin/python3
"""Prints the golden bytes and numbers of tests/{io,data}: what NumPy, zipfile, scikit-learn and Keras' rules make of
small fixed inputs. Run it with python3-numpy, python3-pil, python3-sklearn and
python3-torch; the tests need no Python.
"""
import io
import zipfile

import numpy as np
import torch
from PIL import Image
from sklearn import impute, model_selection, preprocessing

NAN = float("nan")
TABLE = np.array([[1, 2, 7, NAN], [2.5, NAN, 7, 3], [NAN, -4, 7, 3], [8, 0.5, 7, -1], [-1, 0.25, 7, NAN]])
OTHER = np.array([[0, 10, 7.5, 1], [NAN, -10, 6, NAN]])


def bytes_of(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array), version=version)
    return out.getvalue()


def show(name, data):
    print(f"{name}:")
    text = data.hex()
    for i in range(0, len(text), 112):
        print(f"    {text[i:i + 112]}")


def npy():
    for dtype in ("f4", "f8", "i4", "i8", "u1", "i1", "b1", "f2"):
        show(f"npy {dtype}", bytes_of(np.array([[1, 0, 3], [1, 1, 0]], dtype)))
    show("npy scalar", bytes_of(np.float64(0.5)))
    show("npy (0, 2, 1)", bytes_of(np.zeros((0, 2, 1), "f4")))
    cube = np.arange(24, dtype="i2").reshape(2, 3, 4)
    show("npy fortran", bytes_of(np.asfortranarray(cube)))
    show("npy version 2 big-endian", bytes_of(np.array([1, -2, 1e300], ">f8"), (2, 0)))
    show("npy version 3", bytes_of(np.array([1, 2**63], "u8"), (3, 0)))


def npz():
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as z:
        z.writestr(zipfile.ZipInfo("a.npy"), bytes_of(np.arange(3, dtype="f4")))
        z.writestr(zipfile.ZipInfo("b c.npy"), bytes_of(np.array(True)))
    show("npz stored", stored.getvalue())
    for save in (np.savez, np.savez_compressed):
        out = io.BytesIO()
        save(out, x=np.arange(40, dtype="i4").reshape(5, 8), y=np.array([1.5, -2]))
        show(save.__name__, out.getvalue())


def numbers(name, values):
    print(f"{name}: {{{', '.join(repr(v) for v in np.asarray(values).reshape(-1).tolist())}}}")


def transforms():
    for name, t in (
        ("standard", preprocessing.StandardScaler()),
        ("standard without mean", preprocessing.StandardScaler(with_mean=False)),
        ("standard without std", preprocessing.StandardScaler(with_std=False)),
        ("min max", preprocessing.MinMaxScaler()),
        ("min max (-1, 3) clip", preprocessing.MinMaxScaler((-1, 3), clip=True)),
        ("impute mean", impute.SimpleImputer(strategy="mean")),
        ("impute median", impute.SimpleImputer(strategy="median")),
        ("impute most frequent", impute.SimpleImputer(strategy="most_frequent")),
        ("impute constant", impute.SimpleImputer(strategy="constant", fill_value=-9)),
    ):
        t.fit(TABLE)
        numbers(f"{name}: table", t.transform(TABLE))
        numbers(f"{name}: other", t.transform(OTHER))
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore").fit([[3, 0.5], [-1, 2], [3, 2], [7, 0.5]])
    numbers("one hot", one_hot.transform([[7, 2], [3, 9], [-1, 0.5]]).toarray())
    labels = preprocessing.LabelEncoder().fit(["elm", "oak", "Ash", "elm", ""])
    print("labels", labels.classes_, labels.transform(["oak", "elm", ""]))
    # Rounding makes a variance of a constant column, which must not be divided by.
    constant = preprocessing.StandardScaler().fit(np.full((10, 1), 0.1))
    print("constant", constant.mean_, constant.scale_)


def splits():
    for rows, k in ((10, 3), (5, 5)):
        print(f"k_fold {rows} {k}", [test.tolist() for _, test in model_selection.KFold(k).split(range(rows))])
    for classes, k in (([2, 0, 0, 2, 1, 0, 2, 0, 1, 0, 0, 5], 3), ([1, 1, 0, 0, 0, 1, 1], 2)):
        folds = model_selection.StratifiedKFold(k).split(classes, classes)
        print(f"stratified {classes} {k}", [test.tolist() for _, test in folds])


def images():
    small = torch.arange(24.0, dtype=torch.float64).mul(0.7).sin().reshape(1, 2, 3, 4)
    for size in ((2, 3), (5, 4), (1, 1), (3, 9)):
        y = torch.nn.functional.interpolate(small, size, mode="bilinear", antialias=True)
        numbers(f"resize {size}", y)
    # y(p) = x(A p): a turn by 30 degrees at scale 1.25, moved by (0.5, -0.25) pixels; pixels of a 4 x 4 image.
    c, s = np.cos(np.pi / 6) / 1.25, np.sin(np.pi / 6) / 1.25
    theta = torch.tensor([[[c, s, 0.5 / 2], [-s, c, -0.25 / 2]]], dtype=torch.float64)
    square = torch.arange(16.0, dtype=torch.float64).mul(0.7).sin().reshape(1, 1, 4, 4)
    grid = torch.nn.functional.affine_grid(theta, (1, 1, 4, 4), align_corners=False)
    numbers("warp", torch.nn.functional.grid_sample(square, grid, align_corners=False))


def files_of_images():
    y, x = np.mgrid[0:5, 0:7]
    rgb = np.stack([x * 30, y * 50, 255 - x * 20 - y * 10], -1).astype("u1")
    for name, options in (("PNG", {}), ("JPEG", {"quality": 90, "subsampling": 0, "optimize": True})):
        out = io.BytesIO()
        Image.fromarray(rgb).save(out, name, **options)
        show(name, out.getvalue())


npy()
npz()
transforms()
splits()
images()
files_of_images()
