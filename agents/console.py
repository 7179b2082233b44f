"""For Faust's own commands: `faust -A agents.console tables` or `agents` shows this system as Faust sees it."""

from agents import configured
from agents.app import build
from agents.observe import observer
from streams.meter import NoMeter
from streams.settings import Settings

_settings = Settings(strategy="signal")
app = build(
    _settings,
    configured.groups(_settings),
    observer(NoMeter()),
    NoMeter(),
)
