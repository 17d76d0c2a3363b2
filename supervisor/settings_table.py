"""Every setting there is: the one table behind reading, faults, ``sockq check`` and SETTINGS.md."""

from __future__ import annotations

from typing import Final

from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_of_server import SERVER_SETTINGS
from sockq.supervisor.settings_of_sockq import OWN_SETTINGS
from sockq.supervisor.settings_of_soketi import SOKETI_OWN_SETTINGS, SOKETI_SETTINGS

#: With a Sockudo configuration.
SETTINGS: Final[tuple[Setting, ...]] = (*SERVER_SETTINGS, *OWN_SETTINGS)
#: With a soketi configuration.
SETTINGS_WITH_SOKETI: Final[tuple[Setting, ...]] = (*SOKETI_SETTINGS, *SOKETI_OWN_SETTINGS)
