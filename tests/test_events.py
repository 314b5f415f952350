from __future__ import annotations

import pickle
from collections.abc import Callable

from vae.config import TrainConfig
from vae.events import Event
from vae.training import run_vae_training


def test_every_event_of_a_run_and_its_result_can_be_pickled(
    tiny: Callable[..., TrainConfig],
) -> None:
    events: list[Event] = []
    result = run_vae_training(tiny(num_epochs=1), events.append)
    assert len(events) > 5
    for event in events:
        assert type(pickle.loads(pickle.dumps(event))) is type(event)
    assert pickle.loads(pickle.dumps(result)) == result
    assert result.best == result.history[0]
