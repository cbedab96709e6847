"""The options every job has: how fast, how polite, and why."""

from __future__ import annotations

from typing import Annotated

import typer

MOST_PER_SECOND = 1_000_000.0  # more than any cluster takes; `inf` is no rate

RateOption = Annotated[float, typer.Option(min=0.1, max=MOST_PER_SECOND, help="Events per second.")]
MaxBacklogOption = Annotated[
    int, typer.Option(min=0, help="Wait while workers are this many events behind; 0 = never.")
]
WhyOption = Annotated[str, typer.Option(help="The reason, for the audit topic.")]
