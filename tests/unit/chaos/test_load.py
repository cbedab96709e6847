"""The load can be held and let go: what was due meanwhile is not sent all at once."""

import asyncio

from chaos.load import Load

RATE = 500.0


class Counted(Load):
    """A load that sends to nobody."""

    def __init__(self):
        super().__init__("http://127.0.0.1:1", "secret", rate_per_second=RATE, customers=5)
        self.sent = []
        self.first = asyncio.Event()

    async def send(self, order, version, *, due=None):
        self.sent.append((order, version, due))
        self.first.set()
        return True


async def test_a_held_load_sends_nothing_and_goes_on_where_it_was():
    load = Counted()
    load.start()
    await load.first.wait()
    await load.pause()
    held = list(load.sent)
    await asyncio.sleep(20 / RATE)
    assert load.sent == held
    load.first.clear()
    at = asyncio.get_running_loop().time()
    load.go_on()
    await load.first.wait()
    await load.stop()
    later = load.sent[len(held) :]
    assert [(order, version) for order, version, _ in load.sent] == [
        (n + 1, 1) for n in range(len(load.sent))
    ]
    assert [due for _, _, due in later if due < at] == []
