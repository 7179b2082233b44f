"""For Faust's own commands: `faust -A agents.console tables` or `agents` shows this system as Faust sees it."""

from agents.app import build
from agents.observe import observer
from agents.routes import routes
from streams.meter import NoMeter
from streams.settings import Settings

_settings = Settings(strategy="signal")
app = build(
    _settings,
    routes(_settings.partitions, _settings.generation, _settings.strategy),
    observer(NoMeter()),
    NoMeter(),
)
