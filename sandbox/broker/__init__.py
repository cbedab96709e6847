"""A real Apache Kafka on this machine, for people without a cluster: started, used, thrown away.

`tools` decides how a broker can be had here, `jars` fetches Kafka once, `properties` says how it is
configured, `process` starts and stops it. `python -m sandbox.broker` runs one in a terminal.
"""

from sandbox.broker.process import Broker
from sandbox.broker.tools import BrokerError, Source, choose_source

__all__ = ["Broker", "BrokerError", "Source", "choose_source"]
