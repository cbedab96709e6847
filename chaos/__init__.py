"""The chaos report card: the whole pipe as processes, hurt in every way we know, and judged.

    make chaos                      every scenario, about an hour: docs/chaos.md, .json
    make chaos ONLY=NAME SCALE=small    one scenario, shorter
    python -m chaos.soak --minutes 60 --seed 7    a random fault every 30 s, memory watched

`scenario` says what a scenario is, `scenarios/` holds one file per family, `stage` is what a
scenario acts on (`three` for a cluster, `links` between its brokers), `perform` runs one, `verdict`
judges it and `report` draws the card. The judge depends on nothing of the product: what a sender
got a 2xx for, against the simulated org's own memory of writes. The product's audit is asked as
well, and must agree.
"""
