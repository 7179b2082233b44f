"""What a consumer asks for by name."""

from feast import FeatureService

from models.feature_store.definitions.views import ACCOUNT_STATE, VIEW_OF
from models.feature_store.sets import SETS

SERVICES = [
    *(FeatureService(name=stored.service, features=[VIEW_OF[stored.view]]) for stored in SETS),
    FeatureService(name="account_service", features=[ACCOUNT_STATE]),
]
