"""Certificates are replaced as files while a process runs; half-written ones change nothing."""

from __future__ import annotations

import shutil
import ssl

import pytest
from support.certificates import write_certificate

from stream.kafka.tls import TlsFiles, tls_context_of


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two certificates that have nothing to do with each other: (cert, key) twice. To be copied."""
    return [write_certificate(tmp_path_factory.mktemp(name)) for name in ("old", "new")]


@pytest.fixture
def files(tmp_path, pairs):
    here = TlsFiles(tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem")
    put(here, pairs[0], pairs[0])
    return here


def put(files, cert_of, key_of):
    shutil.copy(cert_of[0], files.ca)
    shutil.copy(cert_of[0], files.certificate)
    shutil.copy(key_of[1], files.key)


def connect(context):
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="broker.example")
    return len(context.get_ca_certs())


def test_it_verifies_the_broker_and_its_name(files):
    context = tls_context_of(files)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_new_files_are_taken_by_the_next_connection(files, pairs):
    context = tls_context_of(files)
    assert connect(context) == 1
    put(files, pairs[1], pairs[1])
    before = context.loaded
    assert connect(context) == 2  # the old authority stays trusted beside the new one
    assert context.loaded != before


def test_a_certificate_whose_key_is_not_there_yet_changes_nothing_until_it_is(files, pairs):
    context = tls_context_of(files)
    before = context.loaded
    put(files, pairs[1], pairs[0])
    connect(context)
    assert context.loaded == before
    put(files, pairs[1], pairs[1])
    connect(context)
    assert context.loaded != before


@pytest.mark.parametrize("missing", ["ca", "certificate", "key"])
def test_a_file_that_is_gone_for_a_moment_is_no_end(files, missing):
    context = tls_context_of(files)
    before = context.loaded
    getattr(files, missing).unlink()
    connect(context)
    assert context.loaded == before


def test_files_that_did_not_change_are_not_read_again(files, monkeypatch):
    context = tls_context_of(files)
    monkeypatch.setattr(TlsFiles, "load_into", lambda *_: pytest.fail("read again"))
    connect(context)


def test_a_link_that_is_swapped_is_another_file(tmp_path, pairs):
    """As Kubernetes renews a mounted secret."""
    link = tmp_path / "data"
    link.symlink_to(pairs[0][0].parent)
    context = tls_context_of(TlsFiles(ca=link / "cert.pem"))
    fresh = tmp_path / "fresh"
    fresh.symlink_to(pairs[1][0].parent)
    fresh.rename(link)
    assert connect(context) == 2
