"""What Feast is told: entities, views and services, generated from the feature sets."""

from typing import Any

from models.feature_store.definitions.entities import ACCOUNT, SYMBOL
from models.feature_store.definitions.services import SERVICES
from models.feature_store.definitions.views import VIEWS

ALL: list[Any] = [SYMBOL, ACCOUNT, *VIEWS, *SERVICES]
