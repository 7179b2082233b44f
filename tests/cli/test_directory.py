import os
from pathlib import Path

import pytest

from api.supervisor.directory import DataDirectory, DirectoryRefused, Run, running

RUN = Run(1, "headrace", "b:1", 4, "", "", "http://x", "", "", "", "synthetic")


def test_a_second_holder_is_refused_and_told_who_runs(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "d") as data:
        data.publish(RUN)
        with (
            pytest.raises(DirectoryRefused, match=f"process {os.getpid()} .*http://x"),
            DataDirectory(tmp_path / "d"),
        ):
            pass


def test_a_run_is_seen_while_it_lasts_and_no_longer(tmp_path: Path) -> None:
    assert running(tmp_path / "d") is None
    with DataDirectory(tmp_path / "d") as data:
        assert running(data.root) is None
        data.publish(RUN)
        assert running(data.root) == RUN
    assert running(data.root) is None


def test_what_a_killed_run_left_behind_is_not_a_run(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "d") as data:
        data.publish(RUN)
        left = (data.root / "run.json").read_text()
    (data.root / "run.json").write_text(left)
    assert running(data.root) is None


def test_a_foreign_directory_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for fresh in (False, True):
        with (
            pytest.raises(DirectoryRefused, match="not a data directory"),
            DataDirectory(tmp_path, fresh=fresh),
        ):
            pass
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_fresh_empties_our_own_directory(tmp_path: Path) -> None:
    root = tmp_path / "d"
    with DataDirectory(root) as data:
        assert data.settle_partitions(2, default=4) == 2
        (root / "kafka").mkdir()
        (root / "kafka" / "records").write_text("old")
    with DataDirectory(root, fresh=True) as data:
        assert not (root / "kafka").exists()
        assert data.settle_partitions(None, default=4) == 4


def test_the_partition_count_is_fixed_by_the_first_start(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "d") as data:
        assert data.settle_partitions(None, default=4) == 4
    with DataDirectory(tmp_path / "d") as data:
        assert data.settle_partitions(None, default=8) == 4
        with pytest.raises(DirectoryRefused, match="4 partitions"):
            data.settle_partitions(8, default=4)
