"""A file of prometheus_client's is read as its own reader reads it, and quicker the second time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from sse_observe.registry.value_file import ValueFile, name_of
from tests.support.value_files import leave

NUMBERS = st.floats() | st.integers(0, 1000).map(float)


def opened(path):
    """Return a file that was read once."""
    file = ValueFile(path, name_of(path))
    file.read()
    return file


@given(
    st.lists(st.tuples(st.text(min_size=1), st.dictionaries(st.text(), st.text()), NUMBERS)),
    st.lists(st.tuples(st.text(min_size=1), st.dictionaries(st.text(), st.text()), NUMBERS)),
    st.sampled_from(["counter", "gauge_mostrecent"]),
)
def test_it_reads_what_prometheus_client_reads(tmp_path_factory, first, second, kind):
    """All names and numbers in their order, also of what came later."""
    path = tmp_path_factory.mktemp("values") / f"{kind}_7.db"
    written = MmapedDict(str(path))
    file = ValueFile(path, name_of(path))
    for at, entries in enumerate((first, second)):
        for name, labels, number in entries:
            key = mmap_key(name, name, list(labels), list(labels.values()), "help")
            written.write_value(key, number, float(at))
        file.read()
        expected = list(MmapedDict.read_all_values_from_file(str(path)))

        assert [repr(value) for value in file.values] == [repr(entry[1]) for entry in expected]
        if kind == "gauge_mostrecent":
            assert list(file.times) == [entry[2] for entry in expected]
        found = [mmap_key(n.family, n.name, *zip_labels(n.labels), n.help) for n in file.names]
        assert found == [entry[0] for entry in expected]
    written.close()


def zip_labels(labels):
    """Return names and values of labels apart."""
    return [name for name, _ in labels], [value for _, value in labels]


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    """Its owner has ended and another has begun, or it was put together with others."""
    path = leave(tmp_path, "counter", 7, a_total=1, b_total=2)
    file = opened(path)
    path.unlink()
    leave(tmp_path, "counter", 7, c_total=3)
    file.read()

    assert [(name.name, value) for name, value in zip(file.names, file.values, strict=True)] == [
        ("c_total", 3)
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 3,
        b"\xff\xff\xff\x7f" + b"\0" * 4,
        b"\x40\0\0\0\0\0\0\0\x05\0\0\0{bad" + b"\0" * 48,
        b"\x40\0\0\0\0\0\0\0\xff\xff\xff\xff" + b"\0" * 56,
        b"\x40\0\0\0\0\0\0\0\0\0\0\0" + b"\0" * 56,
        b"\x20\0\0\0\0\0\0\0\x04\0\0\0null\0\0\0\0" + b"\0" * 16,
    ],
)
def test_what_was_never_such_a_file_is_an_error(tmp_path, data):
    """It is no endless loop, and no number out of nothing."""
    path = tmp_path / "counter_7.db"
    path.write_bytes(data)

    with pytest.raises((ValueError, TypeError)):
        opened(path)


@pytest.mark.parametrize("data", [b"", b"\0" * 65536])
def test_a_file_that_is_being_made_holds_nothing_yet(tmp_path, data):
    """Its owner has opened it, and written nothing."""
    path = tmp_path / "counter_7.db"
    path.write_bytes(data)

    assert opened(path).values == ()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("counter_7.db", ("counter", "", "7")),
        ("counter_web_7.db", ("counter", "", "web_7")),
        ("gauge_livesum_7.db", ("gauge", "livesum", "7")),
        ("histogram_ended.db", ("histogram", "", "ended")),
        ("gauge_7.db", None),
        ("counter.db", None),
        ("other_7.db", None),
        ("counter_7.draft", None),
        ("sse-observe.7.lock", None),
    ],
)
def test_names_tell_kind_mode_and_owner(tmp_path, name, parts):
    """Whatever else lies there is no file of numbers."""
    assert name_of(tmp_path / name) == parts
