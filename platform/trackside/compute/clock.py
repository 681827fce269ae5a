"""What time it is. Of many machines one clock decides, the database's: a machine whose own clock is
wrong neither loses a lease early nor keeps one for ever.

SQLite is one machine, and its clock is the database's.
"""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """Now, for every time that something is decided by. The clock goes on within a transaction."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
