"""Our radio against Sionna SYS, where it is installed."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sionna_radio():
    pytest.importorskip("sionna")
    from benchmarks.sionna_peer import radio

    radio.one_thread()
    return radio


def test_rates_on_the_same_channel_agree_with_sionna_slot_after_slot(sionna_radio):
    from benchmarks.sionna_sys import OurSlots, channels

    h = channels(np.random.default_rng(3), 2)
    ours, theirs = OurSlots(2), sionna_radio.SionnaSlots(2)
    for _ in range(5):
        np.testing.assert_allclose(theirs.run(theirs.tensor(h)), ours.run(np.abs(h) ** 2), rtol=1e-4, atol=1e-4)


def test_path_loss_shadowing_and_sinr_are_distributed_as_sionna_draws_them(sionna_radio):
    from benchmarks.sionna_peer import calibration

    found = calibration.compare(np.random.default_rng(5), 60)
    assert found.largest_path_loss_difference_db < 0.02
    for name, pick in calibration.CURVES.items():
        assert calibration.largest_cdf_difference(pick(found.ours), pick(found.sionna)) < 0.04, name
