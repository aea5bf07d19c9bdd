"""Numbers of many processes are added up as prometheus_client adds them, byte for byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

from sse_observe.registry.families import LazyMetric
from sse_observe.registry.merge import Merge
from sse_observe.registry.value_file import name_of
from tests.support.value_files import leave, whole

MODES = ["all", "liveall", "min", "livemin", "max", "livemax", "sum", "livesum"]
MODES += ["mostrecent", "livemostrecent"]
KINDS = ["counter", "histogram", "summary", *(f"gauge_{mode}" for mode in MODES)]
VALUES = st.floats(allow_nan=False) | st.integers(0, 9).map(float) | st.just(2.5e7)
LABELS = st.fixed_dictionaries({}, optional={"z": st.text(max_size=3), "a": st.sampled_from("xy")})
BOUNDS = ["0.1", "1.0", "+Inf"]


@st.composite
def entries(draw, kind, families):
    """Return what one process holds of some families of one kind: keys, numbers and times."""
    found = {}
    for family in draw(st.lists(st.sampled_from(families), max_size=4)):
        labels = draw(LABELS)
        names = list(labels)
        if kind == "histogram":
            some = [(f"{family}_sum", labels)]
            some += [(f"{family}_bucket", {**labels, "le": bound}) for bound in BOUNDS]
        else:
            some = [(f"{family}_total" if kind == "counter" else family, labels)]
        for name, pairs in some:
            key = mmap_key(family, name, list(pairs), list(pairs.values()), "A help.")
            found[key] = draw(VALUES), draw(st.sampled_from([0.0, 1.0, 2.0]))
        assert names == list(labels)
    return found


@st.composite
def directories(draw):
    """Return the files of up to three processes: by name, what is in them."""
    files = {}
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=4, unique=True)):
        families = [f"{kind}_{letter}" for letter in "ab"]
        for pid in range(draw(st.integers(1, 3))):
            files[f"{kind}_{pid}.db"] = draw(entries(kind, families))
    return files


def write(directory, files):
    """Write the files, or what is new in them."""
    for name, values in files.items():
        file = MmapedDict(str(directory / name))
        for key, (number, at) in values.items():
            file.write_value(key, number, at)
        file.close()


class Read:
    """The families that one reader makes of a directory, to be exposed."""

    def __init__(self, merge, directory):
        self.found = merge.families((path, name_of(path)) for path in directory.glob("*.db"))

    def collect(self):
        return self.found


def texts(families):
    """Return what the families write themselves, without heads."""
    return "".join("".join(family.text(exemplars=True)) for family in families)


def ordered(text, directory):
    """Return lines in an order: that of gauges that were made, and set later, differs."""
    return sorted(text.splitlines()) if any(directory.glob("*mostrecent*")) else text


def same(merge, directory):
    """Compare with prometheus_client's own collector, in both formats and line by line."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))
    for write_all in (generate_latest, openmetrics):
        ours, theirs = write_all(Read(merge, directory)), write_all(registry)
        assert ordered(ours, directory) == ordered(theirs, directory)
    lines = generate_latest(registry).decode().split("\n")
    lines = [f"{line}\n" for line in lines if line and not line.startswith("# ")]
    ours = texts(Read(merge, directory).found)
    assert ordered(ours, directory) == ordered("".join(lines), directory)


@settings(max_examples=60)
@given(directories(), directories())
def test_it_writes_what_prometheus_client_writes(tmp_path_factory, first, later):
    """Whatever kinds and modes there are; again when nothing is new, and when something is."""
    directory = tmp_path_factory.mktemp("numbers")
    merge = Merge()
    for files in (first, {}, later):
        write(directory, files)
        same(merge, directory)


def test_what_cannot_be_read_is_left_out_and_named_once(tmp_path, caplog):
    """One bad file takes nothing else away, however often it is met."""
    leave(tmp_path, "counter", 7, a_total=1)
    (tmp_path / "counter_8.db").write_bytes(b"\x40\0\0\0\0\0\0\0\x05\0\0\0{bad")
    merge = Merge()

    for _ in range(3):
        [family] = Read(merge, tmp_path).found
        assert [sample.value for sample in family.samples] == [1]
    [record] = caplog.records
    assert "counter_8.db cannot be read" in record.getMessage()
    assert record.getMessage().endswith("delete it")


def test_what_went_away_since_it_was_listed_is_no_error(tmp_path, caplog):
    """Gunicorn drops the gauges of a worker at any time."""
    gone = tmp_path / "gauge_livesum_7.db"

    assert Merge().families([(gone, name_of(gone))]) == []
    assert caplog.records == []


@pytest.mark.parametrize("other", ["gauge_livemax", "counter"])
def test_one_name_of_two_kinds_is_left_to_prometheus_client(tmp_path, other):
    """Two versions of an application may disagree; nobody's numbers are ours to bend."""
    leave(tmp_path, "gauge_livesum", 7, x=1)
    leave(tmp_path, other, 8, x=2)

    found = Read(Merge(), tmp_path).found

    assert not isinstance(found[0], LazyMetric)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))
    assert generate_latest(Read(Merge(), tmp_path)) == generate_latest(registry)


def test_a_bound_that_is_written_in_two_ways_is_one_bucket(tmp_path):
    """`1` and `1.0` are the same number."""
    for pid, bound in ((7, "1"), (8, "1.0")):
        file = MmapedDict(str(tmp_path / f"histogram_{pid}.db"))
        file.write_value(mmap_key("h", "h_bucket", ["le"], [bound], "x"), 2.0, 0.0)
        file.close()

    same_text = generate_latest(Read(Merge(), tmp_path)).decode()

    assert 'h_bucket{le="1.0"} 4.0' in same_text


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        ("histogram", ("h", "h_bucket", {"le": "banana"}, 1.0)),
        ("gauge_all", ("", "", {}, 1.0)),
        # Of the application's own name, and of another kind.
        ("summary", ("h", "h_bucket", {"le": "x"}, 1.0)),
    ],
)
def test_what_can_be_read_and_cannot_be_shown_is_left_out(tmp_path, caplog, kind, series):
    """A bound that is no number, or a name that is none, takes nothing else away either."""
    bucket, total = {"le": "+Inf"}, 1.0
    good = whole(("h", "h_bucket", bucket, total), ("h", "h_sum", {}, total))
    (tmp_path / "histogram_7.db").write_bytes(good)
    (tmp_path / f"{kind}_8.db").write_bytes(whole(series))
    merge = Merge()

    for _ in range(3):
        paths = [tmp_path / "histogram_7.db", tmp_path / f"{kind}_8.db"]
        [family] = merge.families((path, name_of(path)) for path in paths)
        assert [sample.value for sample in family.samples] == [1, 1, 1]
    [record] = caplog.records
    assert f"{kind}_8.db cannot be read" in record.getMessage()
