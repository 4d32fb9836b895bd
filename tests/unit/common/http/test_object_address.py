"""The text of an address shows where its object is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_common.http.object_address import ObjectAddress, Place


@given(st.text(max_size=60))
def test_an_address_that_is_accepted_reads_as_it_is_written(text: str) -> None:
    url = f"s3://bucket/{text}"
    try:
        address = ObjectAddress.parse(url)
    except ValueError:
        return
    assert str(address) == url
    assert {".", ".."}.isdisjoint(address.key.split("/"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "bucket/key", "http://bucket/key", "s3:/bucket/key", "s3://", "s3://b/key"),
        *("s3://bucket/", "s3://bucket/folder/", "s3://bucket/./a", "s3://bucket/a/.."),
        *("s3://bu..cket/a", "s3://-bucket/a", "s3://bucket:80/a", "s3://bücket/a"),
        *("s3://bucket/a\n", "s3://bucket/\ud800", f"s3://bucket/{'ü' * 513}"),
    ],
)
def test_what_is_no_address_of_an_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bucket|key|s3://"):
        ObjectAddress.parse(text)


def test_a_place_has_whole_folders_only() -> None:
    place = Place.parse("s3://bucket/a/b")
    assert str(place) == "s3://bucket/a/b/"
    inside = ["s3://bucket/a/b/c", "s3://bucket/a/b/c/d"]
    outside = ["s3://bucket/a/bc", "s3://bucket/a/b", "s3://other/a/b/c"]
    assert [url for url in (*inside, *outside) if ObjectAddress.parse(url) in place] == inside
    assert Place.parse("s3://bucket/a/b/c") in place
    assert Place.parse("s3://bucket/a") not in place
    assert ObjectAddress.parse("s3://bucket/x") in Place.parse("s3://bucket")
