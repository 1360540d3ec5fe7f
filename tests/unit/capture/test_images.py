"""Files become frames in the order a person expects; broken ones are named, not fatal."""

from __future__ import annotations

import logging
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from anpr_edge.capture.image_header import declared_size
from anpr_edge.capture.images import MAX_FILE_BYTES, ImageFolder, load_luma
from anpr_edge.errors import BadImage, SourceUnavailable
from tests.fakes import FakeClock


def save(path: Path, grey: int, width: int = 40, height: int = 30) -> Path:
    cv2.imwrite(str(path), np.full((height, width), grey, np.uint8))
    return path


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def exif_rotated(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF segment that holds nothing but an orientation."""
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0112, 3, 1, orientation) + b"\0" * 4
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def test_a_colour_picture_becomes_luma(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((20, 30, 3), (0, 0, 255), np.uint8))

    pixels = load_luma(tmp_path / "red.png")

    assert pixels.shape == (20, 30)
    assert pixels.dtype == np.uint8
    assert np.all(pixels == 76)


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((20, 30), 0x80FF, np.uint16))

    assert np.all(load_luma(tmp_path / "deep.png") == 0x80)


def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    picture = np.zeros((20, 40), np.uint8)
    picture[:, :20] = 255
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    (tmp_path / "turned.jpg").write_bytes(exif_rotated(jpeg, 6))

    pixels = load_luma(tmp_path / "turned.jpg")

    assert pixels.shape == (40, 20)
    assert pixels[5, 10] > 200
    assert pixels[35, 10] < 50


@pytest.mark.parametrize("content", [b"not a picture", png_header(30, 20), b""])
def test_what_cannot_be_decoded_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.png").write_bytes(content)

    with pytest.raises(BadImage, match=r"broken\.png"):
        load_luma(tmp_path / "broken.png")


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match=r"none\.png.*No such file"):
        load_luma(tmp_path / "none.png")


@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (9000, 20), (3, 3)])
def test_absurd_sizes_are_refused_by_the_header_alone(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "odd.png").write_bytes(png_header(width, height))

    with pytest.raises(BadImage, match=f"{width}x{height} px, each side must be 4 to 8192 px"):
        load_luma(tmp_path / "odd.png")


def test_formats_without_a_readable_header_are_measured_after_decoding(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match="3x3"):
        load_luma(save(tmp_path / "tiny.bmp", 9, 3, 3))


def test_an_enormous_file_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)

    with pytest.raises(BadImage, match="at most"):
        load_luma(tmp_path / "huge.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_headers_tell_the_size(tmp_path: Path, suffix: str) -> None:
    assert declared_size(save(tmp_path / f"a{suffix}", 5).read_bytes()) == (40, 30)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00", b"\xff\xd8junk", b"BM" + bytes(60)]
)
def test_a_header_that_does_not_tell_gives_nothing(data: bytes) -> None:
    assert declared_size(data) is None


def test_a_folder_comes_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        save(tmp_path / f"frame{number}.PNG", number)
    (tmp_path / "notes.txt").write_text("not a picture")
    source = ImageFolder(FakeClock(), [tmp_path])

    assert [int(frame.pixels[0, 0]) for frame in iter(source.read, None)] == [1, 2, 10]


def test_files_and_folders_mix_in_the_given_order(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    save(folder / "a.png", 20)
    last = save(tmp_path / "z.png", 30)
    source = ImageFolder(FakeClock(), [last, folder])

    assert [int(frame.pixels[0, 0]) for frame in iter(source.read, None)] == [30, 20]


def test_a_broken_picture_is_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "1.png", 50)
    (tmp_path / "2.png").write_bytes(b"broken")
    save(tmp_path / "3.png", 60)
    source = ImageFolder(FakeClock(), [tmp_path])

    with caplog.at_level(logging.WARNING):
        frames = list(iter(source.read, None))

    assert [(frame.seq, int(frame.pixels[0, 0])) for frame in frames] == [(0, 50), (1, 60)]
    assert source.skipped == 1
    assert "2.png" in caplog.text


def test_nothing_to_show_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no picture"):
        ImageFolder(FakeClock(), [tmp_path])
    with pytest.raises(SourceUnavailable, match="nowhere"):
        ImageFolder(FakeClock(), [tmp_path / "nowhere"])
