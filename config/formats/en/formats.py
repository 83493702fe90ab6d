"""Times on the desk: short, sortable by eye, the same for everyone (UTC)."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y-m-d H:i"
