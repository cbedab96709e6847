"""A real Apache Kafka on this machine, for people without a cluster: started, used, thrown away.

`tools` decides how a broker can be had here, `jars` fetches Kafka once, `properties` says how it is
configured, `node` starts and stops a process of it; `process` makes one broker of that, `cluster`
three and their controller. `python -m sandbox.broker [--brokers 3]` runs them in a terminal.
"""

from sandbox.broker.cluster import Cluster
from sandbox.broker.process import Broker
from sandbox.broker.tools import BrokerError, Source, choose_source

__all__ = ["Broker", "BrokerError", "Cluster", "Source", "choose_source"]
