"""What each board shows, as data: one file for each of the parts that somebody watches."""

from dashboards.boards.engine import OVERVIEW, RUNTIME, STREAMS
from dashboards.boards.learning import MODELS
from dashboards.boards.stores import KAFKA, REPLAY, SINKS
from dashboards.boards.trading import ORDERS, RISK
from dashboards.boards.ways_in import API

BOARDS = (OVERVIEW, STREAMS, KAFKA, ORDERS, RISK, MODELS, SINKS, API, REPLAY, RUNTIME)
