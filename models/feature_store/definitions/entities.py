"""What features are about."""

from feast import Entity, ValueType

SYMBOL = Entity(name="symbol", join_keys=["symbol"], value_type=ValueType.STRING)
ACCOUNT = Entity(name="account", join_keys=["account"], value_type=ValueType.STRING)
