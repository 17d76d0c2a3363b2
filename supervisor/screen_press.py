"""What a key does: changes the choices, or asks for something outside. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockq.supervisor.screen_acts import act_of
from sockq.supervisor.screen_detail import as_json, selected
from sockq.supervisor.screen_keys import BY_NAME
from sockq.supervisor.screen_picture import Picture
from sockq.supervisor.screen_rows import identity, rows_of
from sockq.supervisor.screen_ui import INTERVALS, LEVELS, TABLES, VIEWS, Effect, Leave, Ui

_PAGE: Final = 10
_MOVES: Final = {
    "down": 1, "up": -1, "page_down": _PAGE, "page_up": -_PAGE, "top": -(10**9), "bottom": 10**9,
}  # fmt: skip


def press(ui: Ui, key: str, picture: Picture, now: float) -> Effect:
    """React to a key.

    Args:
        ui: The choices; changed here.
        key: As the decoder calls it.
        picture: What is shown.
        now: Monotonic seconds.

    Returns:
        What is to be done outside, if anything.
    """
    ui.message = ""
    if ui.asking is not None:
        return _answer(ui, key, now)
    bound = BY_NAME.get(key)
    if ui.typing:
        _type(ui, key)
    elif bound is None:
        return None
    elif bound.acts:
        _ask(ui, bound.does, picture, now)
    elif bound.does == "leave":
        return _leave(ui, picture)
    elif bound.does in _MOVES:
        _move(ui, picture, _MOVES[bound.does])
    elif bound.does == "view":
        _go(ui, int(key) - 1)
    elif bound.does == "pick":
        _pick(ui, picture, now)
    else:
        _SIMPLE[bound.does](ui, now)
    return None


def _answer(ui: Ui, key: str, now: float) -> Effect:
    asked, ui.asking = ui.asking, None
    if key == "y":
        return asked
    ui.say("nothing was done", now)
    return None


def _leave(ui: Ui, picture: Picture) -> Effect:
    if not ui.owned:
        return Leave()
    act = act_of("stop", picture, None)
    assert not isinstance(act, str)
    ui.asking = act
    return None


def _type(ui: Ui, key: str) -> None:
    if key == "enter":
        ui.typing = False
    elif key in ("esc", "ctrl-c"):
        ui.typing, ui.filter = False, ""
    elif key == "backspace":
        ui.filter = ui.filter[:-1]
    elif len(key) == 1:
        ui.filter += key


def _ask(ui: Ui, does: str, picture: Picture, now: float) -> None:
    if not ui.may_act:
        ui.say("this screen only reads: it has no control socket, or was told so", now)
        return
    act = act_of(does, picture, selected(picture, ui))
    if isinstance(act, str):
        ui.say(act, now)
    else:
        ui.asking = act


def _move(ui: Ui, picture: Picture, steps: int) -> None:
    if ui.help or ui.detail:
        ui.scroll = min(max(0, ui.scroll + steps), 200)
        return
    name = ui.table
    items = rows_of(picture, ui, name).items
    if not items:
        return
    names = [identity(name, one) for one in items]
    chosen = ui.cursors.get(name)
    if chosen in names:
        at = _within(names.index(chosen) + steps, len(names))
    else:
        at = 0 if steps > 0 else len(names) - 1
    ui.cursors[name] = names[at]


def _within(at: int, count: int) -> int:
    return min(max(at, 0), count - 1)


def _go(ui: Ui, view: int) -> None:
    ui.view = view % len(VIEWS)
    ui.help = ui.detail = False
    ui.scroll = 0


def _pick(ui: Ui, picture: Picture, now: float) -> None:
    item = selected(picture, ui)
    if item is None:
        ui.say("select a row with j and k first", now)
        return
    ui.picked.append(as_json(item))
    ui.say(f"{len(ui.picked)} to be printed after leaving", now)


def _back(ui: Ui, _now: float) -> None:
    if ui.help or ui.detail:
        ui.help = ui.detail = False
        ui.scroll = 0
    elif ui.filter:
        ui.filter = ""
    else:
        ui.cursors.pop(ui.table, None)


def _detail(ui: Ui, now: float) -> None:
    if ui.table not in ui.cursors:
        ui.say("select a row with j and k first", now)
        return
    ui.detail, ui.help, ui.scroll = True, False, 0


def _help(ui: Ui, _now: float) -> None:
    ui.help, ui.detail, ui.scroll = not ui.help, False, 0


def _filter(ui: Ui, _now: float) -> None:
    ui.typing, ui.filter = True, ""
    ui.help = ui.detail = False


def _sort(ui: Ui, now: float) -> None:
    titles = SORTS[ui.table]
    before = ui.orders.get(ui.table)
    at = titles.index(before) + 1 if before in titles else 0
    if at < len(titles):
        ui.orders[ui.table] = titles[at]
        ui.say(f"ordered by {titles[at]}", now)
    else:
        ui.orders.pop(ui.table, None)
        ui.say("in the usual order", now)


def _reverse(ui: Ui, _now: float) -> None:
    ui.reverse ^= {ui.table}


def _hold(ui: Ui, now: float) -> None:
    ui.held_since = now if ui.held_since is None else None


def _flip(name: str) -> Callable[[Ui, float], None]:
    def flip(ui: Ui, _now: float) -> None:
        setattr(ui, name, not getattr(ui, name))

    return flip


def _level(ui: Ui, now: float) -> None:
    ui.level = (ui.level + 1) % len(LEVELS)
    ui.say(f"the log shows {LEVELS[ui.level]} and worse", now)


def _interval(step: int) -> Callable[[Ui, float], None]:
    def change(ui: Ui, now: float) -> None:
        ui.interval = _within(ui.interval + step, len(INTERVALS))
        ui.say(f"a picture every {ui.interval_seconds:g} s", now)

    return change


#: Titles of the columns that ``s`` goes through, by table.
SORTS: Final = {
    "workers": ("ID", " STATE", "INFL", "OK/S", "ERR%", "P95", "BEAT", "CPU", "MEM", "RST"),
    "endpoints": ("ENDPOINT", "INFL", "WAIT", "OK/S", "ERR%", "P95"),
    "queues": ("QUEUE", "WAITING", "RETRY", "DEAD", "OLDEST"),
    "dead": ("QUEUE", "DEAD"),
    "log": (),
}
assert set(SORTS) == set(TABLES)

_SIMPLE: Final[dict[str, Callable[[Ui, float], None]]] = {
    "help": _help,
    "next_view": lambda ui, _now: _go(ui, ui.view + 1),
    "previous_view": lambda ui, _now: _go(ui, ui.view - 1),
    "detail": _detail,
    "back": _back,
    "filter": _filter,
    "sort": _sort,
    "reverse": _reverse,
    "wide": _flip("wide"),
    "faults": _flip("faults_only"),
    "level": _level,
    "hold": _hold,
    "slower": _interval(1),
    "faster": _interval(-1),
}
