"""The store in memory refuses what S3's published API refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secretary_devstack.object_store.object_store import LEAST_PART_BYTES, Condition, ObjectStore
from secretary_devstack.object_store.refusal import Refusal

KEY = "bucket/key"
NEW = Condition(if_none_match="*")
ANY = Condition()


def refusal_of(operation: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        operation()
    return refused.value.status, refused.value.code


def uploaded(store: ObjectStore, *contents: bytes) -> tuple[str, list[tuple[int, str]]]:
    """Return an upload whose parts are written, and the list that completes it."""
    upload_id = store.begin(KEY, {})
    tags = [store.put_part(KEY, upload_id, n, part) for n, part in enumerate(contents, 1)]
    return upload_id, list(enumerate(tags, 1))


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_condition_is_checked_when_the_object_is_made(*, in_parts: bool) -> None:
    store = ObjectStore()

    def write(when: Condition) -> str:
        if not in_parts:
            return store.put(KEY, b"content", {}, when)
        return store.complete(KEY, *uploaded(store, b"content"), when)

    assert refusal_of(lambda: write(Condition(if_match='"a"'))) == (404, "NoSuchKey")
    tag = write(NEW)
    assert refusal_of(lambda: write(NEW)) == (412, "PreconditionFailed")
    assert refusal_of(lambda: write(Condition(if_match='"a"'))) == (412, "PreconditionFailed")
    assert refusal_of(lambda: write(Condition(if_none_match='"a"'))) == (501, "NotImplemented")
    assert write(Condition(if_match=tag)) == store.objects[KEY].etag


def test_a_refused_upload_stays_until_it_is_aborted() -> None:
    store = ObjectStore()
    store.put(KEY, b"there", {}, NEW)
    upload_id, listed = uploaded(store, b"content")
    refusal_of(lambda: store.complete(KEY, upload_id, listed, NEW))
    assert store.open_uploads == 1
    store.abort(KEY, upload_id)
    assert refusal_of(lambda: store.abort(KEY, upload_id)) == (404, "NoSuchUpload")


def test_an_upload_ends_with_its_completion() -> None:
    store = ObjectStore()
    upload_id, listed = uploaded(store, b"a" * LEAST_PART_BYTES, b"b")
    tag = store.complete(KEY, upload_id, listed, ANY)
    assert tag.endswith('-2"')
    assert store.get(KEY, ANY).content == b"a" * LEAST_PART_BYTES + b"b"
    again = refusal_of(lambda: store.complete(KEY, upload_id, listed, ANY))
    assert again == (404, "NoSuchUpload")


def test_a_list_of_parts_that_s3_refuses_makes_no_object() -> None:
    store = ObjectStore()
    upload_id, listed = uploaded(store, b"too small", b"last")

    def end(*parts: tuple[int, str]) -> tuple[int, str]:
        return refusal_of(lambda: store.complete(KEY, upload_id, parts, ANY))

    assert end() == (400, "MalformedXML")
    assert end(*listed) == (400, "EntityTooSmall")
    assert end(*reversed(listed)) == (400, "InvalidPartOrder")
    assert end((3, '"a"')) == (400, "InvalidPart")
    assert store.objects == {}
