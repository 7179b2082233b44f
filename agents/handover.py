"""What the broker gets of an order that risk has accepted, and what that order holds."""

from agents import decisions
from agents.handler import Output
from streams import money, topics
from streams.contract import Trail
from streams.ids import Ref
from streams.messages import Accepted, PredictionRef, ToBroker
from streams.orders import New
from tables import reservation
from tables.account_tables import AccountTables
from tables.candidate import Candidate
from tables.orders import Exit, Terms, pair


def terms(candidate: Candidate) -> Terms:
    """What the order may do and holds once accepted."""
    instrument, profile = candidate.instrument, candidate.profile
    assert instrument is not None and profile is not None, "the gate refuses what it does not know"
    return reservation.terms(candidate, instrument, profile)


def reserved(terms: Terms) -> int:
    """Money units that a new order holds."""
    return terms.reserved_lot * terms.qty


def to_broker(
    candidate: Candidate, order_id: str, terms: Terms, command_ref: Ref, tables: AccountTables
) -> Output:
    """The order as the broker gets it; the exits of its bracket are known from here on."""
    command = candidate.command
    _expect_exits(candidate, order_id, tables)
    stop_loss = command.bracket.stop_loss if command.bracket is not None else None
    stop_loss_trail = _trail(stop_loss.trail if stop_loss is not None else None)
    group = command.group
    accepted = Accepted(
        order_id=order_id,
        client_order_id=command.client_order_id,
        account=command.account,
        symbol=command.symbol,
        side=command.side,
        type=command.type,
        tif=candidate.tif,
        qty=candidate.qty,
        price=candidate.price,
        stop_price=candidate.stop_price,
        stop_loss=candidate.stop_loss,
        take_profit=candidate.take_profit,
        protection=reservation.protection(candidate),
        # A cash account's sell never opens a short, whatever else sold the position meanwhile: the broker clamps it.
        reduce_only=command.reduce_only or (candidate.is_cash and candidate.side < 0),
        maker_rate=candidate.rates[0],
        taker_rate=candidate.rates[1],
        reserved=money.text(reserved(terms)),
        command_ref=command_ref,
        time=candidate.clock,
        strategy=command.strategy or "",
        expire_at=candidate.expire_at,
        post_only=command.post_only,
        trigger=command.trigger or "quote",
        trail_ticks=candidate.trail_ticks,
        trail_bps=candidate.trail_bps,
        stop_loss_trail_ticks=stop_loss_trail[0],
        stop_loss_trail_bps=stop_loss_trail[1],
        stop_loss_trigger=(stop_loss.trigger or "quote") if stop_loss is not None else "quote",
        group_id="" if group is None else group.id or "",
        group_kind="" if group is None else group.kind,
        parent_id=_parent_id(command, tables),
        mode=decisions.SIMULATED,
        mode_epoch=tables.mode_epoch(command.account),
        prediction=_prediction(command),
    )
    return Output(topics.ACCEPTED, command.symbol, ToBroker(order=accepted))


def _expect_exits(candidate: Candidate, order_id: str, tables: AccountTables) -> None:
    bracket, command = candidate.command.bracket, candidate.command
    if bracket is None:
        return
    for suffix in ("/sl", "/tp") if bracket.take_profit is not None else ("/sl",):
        exit = Exit(
            account=command.account,
            client_order_id=command.client_order_id + suffix,
            symbol=command.symbol,
            side="sell" if command.side == "buy" else "buy",
            strategy=command.strategy or "",
        )
        tables.exits.put(order_id + suffix, exit)


def _trail(trail: Trail | None) -> tuple[int, int]:
    return (0, 0) if trail is None else (trail.ticks or 0, trail.bps or 0)


def _parent_id(command: New, tables: AccountTables) -> str:
    parent = None if command.group is None else command.group.parent
    return "" if parent is None else tables.spent[pair(command.account, parent)].order_id


def _prediction(command: New) -> PredictionRef | None:
    """Carried for those who judge predictions by their orders; no money depends on it."""
    used = command.prediction
    if used is None:
        return None
    return PredictionRef(
        topic=used.topic,
        partition=used.partition,
        offset=used.offset,
        model=used.model,
        version=used.version,
        p=float(used.p),
        edge_bps=float(used.edge_bps),
    )
