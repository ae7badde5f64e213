"""Make rows of event databases from Firehose's records, and replay refused records.

A database is a table (`Table`: an event → rows) and two handlers (`handlers`, `replay_handler`).
"""

from shared.event_rows.ids import id_of_message
from shared.event_rows.records import Event
from shared.event_rows.tables import Arrival, NotOfThisTable, TableShape
from shared.event_rows.types import Row

__all__ = ["Arrival", "Event", "NotOfThisTable", "Row", "TableShape", "id_of_message"]
