"""What is generated is what is checked in, and everything has its row."""

from __future__ import annotations

from deployment import generated
from deployment.fleet import ROOT, xapps


def test_generated_files_are_up_to_date():
    stale = [str(path.relative_to(ROOT)) for path in generated.differing()]
    assert not stale, "run `make charts-generate`"


def test_charts_find_the_charts_they_depend_on():
    assert generated.missing_links() == {}


def test_every_onboarded_xapp_has_its_row():
    onboarded = {path.parents[1].name for path in (ROOT / "xapps").glob("*/xapp/config-file.json")}
    assert {xapp.package for xapp in xapps()} == onboarded


def test_a_row_is_named_as_its_descriptor_is():
    for xapp in xapps():
        assert xapp.name == xapp.descriptor["name"]
