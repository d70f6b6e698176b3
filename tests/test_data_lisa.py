from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blurnet.data import lisa
from blurnet.data.entries import read_picture
from blurnet.data.lisa import read
from blurnet.data.splits import split_by_block
from blurnet.errors import BlurnetError

HEADER = (
    "Filename;Annotation tag;Upper left corner X;Upper left corner Y;Lower right corner X;"
    "Lower right corner Y;Occluded,On another road;Origin file;Origin frame number;"
    "Origin track;Origin track frame number"
)
FRAME = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def row(
    frame: str = "vid0/f/stop_1.avi_image0.png",
    tag: str = "stop",
    box: str = "2;3;6;7",
    video: str = "vid0/a.avi",
    track: str = "stop_1.avi",
) -> str:
    return f"{frame};{tag};{box};0,0;{video};17;{track};1"


def archive(directory: Path, *rows: str, header: str = HEADER) -> Path:
    for video in ("vid0", "vid1"):
        for image in range(3):
            path = directory / f"{video}/f/stop_1.avi_image{image}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(FRAME).save(path)
    (directory / "allAnnotations.csv").write_text("\n".join([header, *rows]) + "\n")
    return directory


def test_signs_are_cut_from_their_frames_in_the_order_of_the_file(tmp_path: Path) -> None:
    archive(tmp_path, row(box="2;3;6;7"), row(tag="merge", box="26;16;30;20"), row(box="0;0;8;8"))
    signs, problems, _ = read(tmp_path, (4, 4))
    assert not problems
    assert signs.classes == ("merge", "stop")
    assert signs.labels.tolist() == [1, 0, 1]
    cuts = [FRAME[3:7, 2:6], FRAME[16:20, 26:30]]
    assert torch.equal(signs.images[:2], torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2))
    assert signs.images.shape == (3, 3, 4, 4)


def test_a_frame_with_several_signs_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []

    def counted(path: Path) -> Image.Image:
        decoded.append(path)
        return read_picture(path)

    monkeypatch.setattr("blurnet.data.entries.read_picture", counted)
    archive(tmp_path, row(), row(tag="merge"), row(frame="vid1/f/stop_1.avi_image0.png"), row())
    signs, _, _ = read(tmp_path, (4, 4))
    assert len(signs) == 4
    assert len(decoded) == 2


def test_tracks_of_different_videos_and_signs_are_told_apart(tmp_path: Path) -> None:
    other = "vid1/f/stop_1.avi_image0.png"
    archive(
        tmp_path,
        row(),
        row(frame="vid0/f/stop_1.avi_image1.png"),
        row(track="stop_2.avi"),
        row(frame=other),
        row(frame=other, video="vid1/a.avi"),
        row(tag="merge"),
        row(),
    )
    signs, _, _ = read(tmp_path, (4, 4))
    assert signs.tracks is not None
    assert signs.tracks.tolist() == [0, 0, 1, 2, 3, 4, 0]
    assert len(split_by_block(signs).test) == 1


def test_names_of_columns_may_be_written_otherwise(tmp_path: Path) -> None:
    header = "\ufeff" + HEADER.upper().replace("CORNER X", "corner_x").replace("TAG", " Tag ")
    signs, problems, _ = read(archive(tmp_path, row(), "", ";" * 10, header=header), (4, 4))
    assert len(signs) == 1
    assert not problems


BAD_ROWS = {
    "not a whole number": row(box="2;x;6;7"),
    "'2.5', not a whole number": row(box="2.5;3;6;7"),
    "'', not a whole number": row(box=";3;6;7"),
    "not inside the picture, which has 30 × 20": row(box="2;3;31;7"),
    r"\(-1, 3, 6, 7\)": row(box="-1;3;6;7"),
    "is empty or": row(box="6;3;6;7"),
    "no such file": row(frame="vid9/nothing.png"),
    "a folder": row(frame=""),
    "xxx: no such file": row(frame="x" * 300),
    "Annotation tag is empty": row(tag=""),
    "3 columns, and the first line has 11": "a.png;stop;3",
    "12 columns": row() + ";more",
}


@pytest.mark.parametrize("reason", BAD_ROWS)
def test_a_bad_row_is_a_problem_with_its_line(tmp_path: Path, reason: str) -> None:
    signs, problems, _ = read(archive(tmp_path, row(), BAD_ROWS[reason], row()), (4, 4))
    assert len(signs) == 2
    assert signs.tracks is not None
    assert signs.tracks.tolist() == [0, 0]
    [problem] = problems
    assert (problem.path, problem.line) == (tmp_path / "allAnnotations.csv", 3)
    with pytest.raises(BlurnetError, match=rf"allAnnotations\.csv:3: .*{reason}"):
        raise BlurnetError(str(problem))


def test_problems_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    _, problems, _ = read(archive(tmp_path, *BAD_ROWS.values()), (4, 4))
    assert [problem.line for problem in problems] == list(range(2, 2 + len(BAD_ROWS)))


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BlurnetError, match=r"allAnnotations\.csv: no such file"):
        read(tmp_path, (4, 4))
    table = tmp_path / lisa.TABLE
    table.write_text("a;b\n")
    with pytest.raises(BlurnetError, match=r"allAnnotations\.csv:1: no column 'Filename', 'Ann"):
        read(tmp_path, (4, 4))
    table.write_text("")
    with pytest.raises(BlurnetError, match=r"csv:1: no column .* none"):
        read(tmp_path, (4, 4))
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BlurnetError, match="not a semicolon-separated text file"):
        read(tmp_path, (4, 4))
    table.write_text(HEADER + "\n" + "x" * 200_000)
    with pytest.raises(BlurnetError, match="not a semicolon-separated text file: field"):
        read(tmp_path, (4, 4))
    table.unlink()
    table.mkdir()
    with pytest.raises(BlurnetError, match=r"allAnnotations\.csv: cannot be read: a folder"):
        read(tmp_path, (4, 4))


def test_a_folder_of_pictures_is_told_from_the_archive(tmp_path):
    (tmp_path / "train" / "stop").mkdir(parents=True)
    with pytest.raises(BlurnetError, match=r"no allAnnotations.csv.* write folder:"):
        read(tmp_path, (32, 32))
