"""What a bounded run of `headrace up` did, counted from the log and the database, as one JSON file."""

from api.report.write import write_report

__all__ = ["write_report"]
